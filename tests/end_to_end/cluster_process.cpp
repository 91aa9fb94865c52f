#include "tests/end_to_end/cluster_process.hpp"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <set>
#include <stdexcept>

namespace troupe::end_to_end {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kStartLimit{60'000};
constexpr std::chrono::milliseconds kStopLimit{5'000};
constexpr std::chrono::milliseconds kLook{10};
constexpr const char* kModelName = "checkpoint";

/// A port that nobody listens on. Below those that the kernel gives to outgoing connections, one of which could take
/// the port of a node that is away.
int free_port() {
  static std::mt19937 draw{std::random_device{}()};
  static std::set<int> given;
  std::uniform_int_distribution<int> ports(20000, 32000);
  while (true) {
    const int port = ports(draw);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int attempt = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool taken = ::bind(attempt, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
    ::close(attempt);
    if (!taken && given.insert(port).second) return port;
  }
}

/// What follows `before` up to one of `ends`, in the first place where that is written whole.
std::optional<std::string> between(const std::string& text, const std::string& before, const char* ends) {
  const auto at = text.find(before);
  if (at == std::string::npos) return std::nullopt;
  const auto from = at + before.size();
  const auto stop = text.find_first_of(ends, from);
  if (stop == std::string::npos) return std::nullopt;
  return text.substr(from, stop - from);
}

/// Waits for the process to write `before` and returns what follows it.
std::string awaited(ChildProcess& process, const std::string& what, const std::string& before, const char* ends) {
  const auto end = Clock::now() + kStartLimit;
  while (true) {
    const auto ended = process.wait(kLook);
    const auto found = between(process.standard_output(), before, ends);
    if (found && !ended) return *found;
    if (ended || Clock::now() > end)
      throw std::runtime_error(what +
                               (ended ? " ended with code " + std::to_string(*ended) : " did not come to serve") +
                               ":\n" + process.standard_output() + process.standard_error());
  }
}

std::vector<std::string> node_arguments(const ClusterFile& file, const std::string& name, const std::string& model) {
  return {"node", "--config", file.path(), "--name", name, "--model", model, "--port", "0"};
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "troupe-cluster-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& text) const {
  const auto path = path_ / name;
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

ClusterFile::ClusterFile(const ClusterShape& shape) {
  const auto port = [this] {
    control_ports_.push_back(free_port());
    return std::to_string(control_ports_.back());
  };
  std::string text = "cluster: end-to-end\nmodel: {path: " + demo_model() + ", names: [" + kModelName +
                     "]}\nlog: {format: json}\n" + shape.more + "nodes:\n";
  const int chief = shape.chief ? free_port() : 0;
  if (shape.chief) text += "  - {name: chief, router: true, control_port: " + std::to_string(chief) + "}\n";
  std::string all;
  std::string nodes;
  for (const auto& machine : shape.machines) {
    const auto section = "{name: " + machine.name + ", role: " + machine.role +
                         ", device: {threads: 1, kv_memory: " + machine.kv_memory +
                         ", isa: " + (machine.isa.empty() ? shape.isa : machine.isa) + "}}";
    all += (all.empty() ? "" : ", ") + section;
    if (shape.together.empty())
      nodes += "  - {name: " + machine.name + ", control_port: " + port() + ", machines: [" + section + "]}\n";
  }
  text += "  - {name: front, router: true, http: {port: 0}, control_port: " + port() +
          (shape.together == "front" ? ", machines: [" + all + "]" : "") + "}\n" + nodes;
  if (!shape.together.empty() && shape.together != "front")
    text += "  - {name: " + shape.together + ", control_port: " + port() + ", machines: [" + all + "]}\n";
  if (shape.chief) control_ports_.push_back(chief);
  path_ = folder_.write("cluster.yaml", text);
}

NodeProcess::NodeProcess(const ClusterFile& file, const std::string& name, const std::string& model)
    : process_(node_arguments(file, name, model)) {
  const auto rest = awaited(process_, "troupe node " + name, "Node \"" + name + "\" is up", "\n");
  url_ = between(rest + "\n", "listening on ", "\n").value_or("");
}

Json shown(const Api& api, const std::string& list, const std::string& name) {
  const auto status = api.get("/troupe/status").json();
  for (const auto& each : status.at(list))
    if (each.at("name") == name) return each;
  return nullptr;
}

ClusterProcess::ClusterProcess(const ClusterShape& shape)
    : shape_(shape), file_(shape), process_({"up", file_.path(), "--model", demo_model(), "--port", "0"}) {
  const auto ready = awaited(process_, "troupe up", "ready after ", "\n");
  url_ = "http:" + between(ready, " http:", "v").value_or("");
  url_.resize(url_.find_last_not_of('/') + 1);
}

ClusterProcess::~ClusterProcess() {
  process_.signal(SIGTERM);
  process_.wait(kStopLimit);
}

pid_t ClusterProcess::pid_of(const std::string& node) const {
  const auto entry = shown(api(), "nodes", node);
  return entry.is_object() && entry.at("pid").is_number() ? entry.at("pid").get<pid_t>() : 0;
}

std::vector<pid_t> ClusterProcess::pids() const {
  std::vector<std::string> names{"front"};
  for (const auto& machine : shape_.machines) names.push_back(machine.name);
  if (shape_.chief) names.push_back("chief");
  std::vector<pid_t> all;
  for (const auto& name : names) {
    all.push_back(pid_of(name));
    if (all.back() <= 0) throw std::runtime_error("node " + name + " has no process");
  }
  return all;
}

bool ClusterProcess::at_rest() const {
  const auto status = api().get("/troupe/status").json();
  for (const auto& node : status.at("nodes"))
    if (node.at("state") != "connected" && node.at("name") != "front") return false;
  for (const auto& machine : status.at("machines")) {
    const auto& blocks = machine.at("blocks");
    if (machine.at("running") != 0 || machine.at("waiting") != 0 || blocks.at("total") == 0 ||
        blocks.at("free") != blocks.at("total"))
      return false;
  }
  return status.at("machines").size() == shape_.machines.size();
}

}  // namespace troupe::end_to_end
