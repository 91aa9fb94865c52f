#include "tools/troupe/doctor_host.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "runtime/base/file.hpp"
#include "runtime/model/host_memory.hpp"
#include "runtime/model/memory_plan.hpp"

namespace troupe {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
/// Of /dev/shm that one node takes for each of its peers: UCX's queue of 256 elements of 32 KiB and what it receives
/// into. Measured with UCX 1.13.1: 16.1 MiB, 322 MiB for five nodes.
constexpr std::size_t kShmOfPeer = 17 * kMiB;
/// Descriptors besides clients' connections: the model's files, the middleman, UCX's workers and its shared segments.
constexpr std::uint64_t kFilesOfNode = 256;

std::uint32_t usable_cores() {
  cpu_set_t cores;
  return ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? static_cast<std::uint32_t>(CPU_COUNT(&cores)) : 0;
}

std::string processor_name() {
  const auto text = read_file("/proc/cpuinfo", 4 * kMiB);
  if (!text.ok()) return "";
  const auto at = text->find("model name");
  if (at == std::string::npos) return "";
  const auto begin = text->find(": ", at);
  const auto end = text->find('\n', at);
  return begin < end ? text->substr(begin + 2, end - begin - 2) : "";
}

/// Cores' worth of time by cgroup v2's cpu.max ("200000 100000"); 0 where it sets no limit.
double cpu_quota() {
  const auto text = read_file("/sys/fs/cgroup/cpu.max", kMiB);
  double quota = 0;
  double period = 0;
  if (!text.ok() || std::sscanf(text->c_str(), "%lf %lf", &quota, &period) != 2 || period <= 0) return 0;
  return quota / period;
}

/// The kernel puts the setting that is in force into brackets: "always [madvise] never".
bool may_have_huge_pages() {
  const auto text = read_file("/sys/kernel/mm/transparent_hugepage/enabled", kMiB);
  return text.ok() && text->find("[never]") == std::string::npos;
}

std::optional<std::uint64_t> soft_limit(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::nullopt;
  return limit.rlim_cur;
}

std::vector<std::string> gpu_files() {
  std::vector<std::string> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator file("/dev", failed), end; !failed && file != end; file.increment(failed)) {
    const std::string name = file->path().filename().string();
    if (name.starts_with("nvidia") && name.size() > 6 && name.find_first_not_of("0123456789", 6) == std::string::npos)
      found.push_back("/dev/" + name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool has(const link::UcxFacts& ucx, const std::string& transport) {
  return std::any_of(ucx.transports.begin(), ucx.transports.end(),
                     [&](const auto& each) { return each.name == transport; });
}

std::string listed(const link::UcxFacts& ucx) {
  std::string text;
  std::string last;
  for (const auto& each : ucx.transports) {
    if (each.name == last) {
      text += ", " + each.device;
      continue;
    }
    text += (last.empty() ? "" : "); ") + each.name + " (" + each.device;
    last = each.name;
  }
  return text + (last.empty() ? "none" : ")");
}

Finding judge_cpu(const HostFacts& facts) {
  Finding cpu{Verdict::kOk, "cpu", std::to_string(facts.cores) + (facts.cores == 1 ? " core" : " cores"), ""};
  if (!facts.processor.empty()) cpu.found += " of " + facts.processor;
  cpu.found += std::string(", kernels for ") + to_string(facts.isa);
  if (facts.isa == kernels::CpuIsa::kReference) {
    cpu.verdict = Verdict::kWarn;
    cpu.advice = "This processor has no AVX2 with FMA and F16C: the plain kernels are many times slower.";
  }
  if (facts.cpu_quota > 0 && facts.cpu_quota < facts.cores) {
    char quota[64];
    std::snprintf(quota, sizeof quota, "; a control group allows the time of %.1f", facts.cpu_quota);
    cpu.found += quota;
    cpu.verdict = Verdict::kWarn;
    cpu.advice =
        "Give machines no more threads (device.threads) than that, or raise cpu.max: threads that are "
        "paused in a step hold up the others.";
  }
  return cpu;
}

Finding judge_memory(const HostFacts& facts) {
  Finding memory{Verdict::kOk, "memory", "", ""};
  memory.found = facts.memory_available > 0 ? model::written_bytes(facts.memory_available) + " free"
                                            : std::string("how much is free is not known");
  if (!facts.huge_pages) {
    memory.verdict = Verdict::kWarn;
    memory.found += ", in small pages";
    memory.advice =
        "Decode steps read all weights, from small pages up to 1.4 times as long. As root: echo madvise > "
        "/sys/kernel/mm/transparent_hugepage/enabled, then start the nodes again.";
  }
  return memory;
}

Finding judge_shared_memory(const HostFacts& facts, const config::ClusterConfig* cluster, bool runs) {
  Finding shm{Verdict::kOk, "shared memory", "", ""};
  const bool wanted = !cluster || cluster->link.transport != config::LinkTransport::kTcp;
  const std::string or_tcp = ", or set link.transport: tcp, which is slower.";
  if (!facts.shm_total) {
    shm = {wanted ? Verdict::kBad : Verdict::kOk, "shared memory", "/dev/shm is not there", ""};
    if (wanted) shm.advice = "KV blocks go through it between the nodes of one host. Mount a tmpfs there" + or_tcp;
    return shm;
  }
  shm.found = "/dev/shm has " + model::written_bytes(facts.shm_free.value_or(0)) + " free of " +
              model::written_bytes(*facts.shm_total);
  const std::size_t nodes = cluster ? cluster->nodes.size() : 2;
  const std::size_t need = kShmOfPeer * nodes * (nodes - 1);
  if (wanted && !runs && facts.shm_free.value_or(0) < need) {
    shm.verdict = cluster ? Verdict::kBad : Verdict::kWarn;
    shm.advice = std::to_string(nodes) + " nodes take " + model::written_bytes(need) +
                 ": each so much for each other. Make it larger (mount -o remount,size=1G /dev/shm; docker run "
                 "--shm-size=1g)" +
                 or_tcp;
  }
  return shm;
}

Finding judge_files(const HostFacts& facts, const config::ClusterConfig* cluster) {
  Finding files{Verdict::kOk, "open files", facts.files ? std::to_string(*facts.files) + " at most" : "no limit", ""};
  std::uint64_t clients = config::ServeConfig{}.http.limits.connections;
  if (cluster)
    for (const auto& node : cluster->nodes)
      if (node.http) clients = std::max<std::uint64_t>(clients, node.http->limits.connections);
  if (facts.files && *facts.files < clients + kFilesOfNode) {
    files.verdict = Verdict::kWarn;
    files.advice = "http.limits.connections lets " + std::to_string(clients) +
                   " clients in. Raise the limit (ulimit -n " + std::to_string(clients + kFilesOfNode) +
                   "; LimitNOFILE= for systemd), or lower that key.";
  }
  return files;
}

std::vector<Finding> judge_ucx(const HostFacts& facts, const config::ClusterConfig* cluster) {
  if (!facts.ucx.ok())
    return {{Verdict::kBad, "ucx", facts.ucx.error().message,
             "Without UCX no KV travels between nodes; `troupe serve` "
             "works."}};
  const auto& ucx = *facts.ucx;
  std::vector<Finding> findings = {{Verdict::kOk, "ucx", "version " + ucx.version + ": " + listed(ucx), ""}};
  const bool shared = !cluster || cluster->link.transport != config::LinkTransport::kTcp;
  if (!has(ucx, "tcp")) {
    findings.push_back({Verdict::kBad, "link", "UCX has no tcp here",
                        "Every pair of nodes meets over tcp first. Look at `ip link`: lo must be up."});
  } else if (shared && !has(ucx, "posix")) {
    findings.push_back({Verdict::kWarn, "link", "UCX has no posix shared memory here: KV goes over tcp",
                        "Look at /dev/shm, and at UCX_TLS in the environment."});
  } else {
    findings.push_back({Verdict::kOk, "link",
                        shared ? "between nodes of this host by shared memory (posix)"
                               : "over tcp on loopback, as link.transport asks",
                        ""});
  }
  const bool rdma = has(ucx, "rc_mlx5") || has(ucx, "rc_verbs") || has(ucx, "dc_mlx5") || has(ucx, "ud_verbs");
  const std::string locked = facts.locked_memory ? model::written_bytes(*facts.locked_memory) : "no limit";
  findings.push_back({Verdict::kOk, "locked memory",
                      locked + (rdma ? "; UCX sees an RDMA device, which this build does not use"
                                     : "; only RDMA would want more, and there is none here"),
                      ""});
  return findings;
}

Finding judge_gpu(const HostFacts& facts) {
  if (facts.gpus.empty()) return {Verdict::kOk, "gpu", "none, and none is needed", ""};
  return {Verdict::kWarn, "gpu",
          std::to_string(facts.gpus.size()) + " (" + facts.gpus.front() + (facts.gpus.size() > 1 ? ", ..." : "") +
              "), not used: this build computes on CPU cores alone",
          "There is nothing to set: device.kind knows cpu."};
}

}  // namespace

HostFacts host_facts() {
  HostFacts facts;
  facts.processor = processor_name();
  facts.cores = usable_cores();
  facts.cpu_quota = cpu_quota();
  facts.isa = kernels::best_cpu_isa();
  facts.memory_available = model::available_memory_bytes();
  facts.huge_pages = may_have_huge_pages();
  if (struct statvfs shm{}; ::statvfs("/dev/shm", &shm) == 0) {
    facts.shm_total = static_cast<std::size_t>(shm.f_blocks) * shm.f_frsize;
    facts.shm_free = static_cast<std::size_t>(shm.f_bavail) * shm.f_frsize;
  }
  facts.locked_memory = soft_limit(RLIMIT_MEMLOCK);
  facts.files = soft_limit(RLIMIT_NOFILE);
  facts.ucx = link::ucx_facts();
  facts.gpus = gpu_files();
  return facts;
}

std::vector<Finding> judge(const HostFacts& facts, const config::ClusterConfig* cluster, bool runs) {
  std::vector<Finding> findings = {judge_cpu(facts), judge_memory(facts)};
  findings.push_back(judge_shared_memory(facts, cluster, runs));
  findings.push_back(judge_files(facts, cluster));
  for (auto& finding : judge_ucx(facts, cluster)) findings.push_back(std::move(finding));
  findings.push_back(judge_gpu(facts));
  return findings;
}

std::vector<Finding> judge(const std::vector<PortUse>& ports) {
  std::vector<Finding> findings;
  for (const auto& use : ports) {
    Finding port{Verdict::kOk, "port " + std::to_string(use.port), use.what + ": free", ""};
    if (!use.free.ok()) {
      const bool taken = use.free.error().code == ErrorCode::kUnavailable;
      port.found = use.what + ": " + use.free.error().message;
      if (taken && use.ours_may_run) {
        port.found = use.what + ": taken, as it should be while the cluster runs";
      } else {
        port.verdict = Verdict::kBad;
        port.advice = taken ? "See who listens (ss -ltnp), end it, or choose another port in the file."
                            : "Choose another address or port in the file.";
      }
    } else if (use.ours_may_run) {
      port.verdict = Verdict::kWarn;
      port.found = use.what + ": free, though the cluster runs";
      port.advice = "That node is away, or it runs with another file.";
    }
    findings.push_back(std::move(port));
  }
  return findings;
}

}  // namespace troupe
