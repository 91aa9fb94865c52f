// What `troupe doctor` asks this host: the facts, and apart from them what they mean for Troupe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/core/cpu_isa.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/cluster_config.hpp"
#include "runtime/link/ucx_facts.hpp"
#include "tools/troupe/doctor_findings.hpp"

namespace troupe {

struct HostFacts {
  std::string processor;  ///< as the kernel names it; empty: it does not
  std::uint32_t cores = 0;
  double cpu_quota = 0;  ///< cores' worth of time that a control group allows; 0: no less than `cores`
  kernels::CpuIsa isa = kernels::CpuIsa::kReference;
  std::size_t memory_available = 0;                   ///< 0: not known
  bool huge_pages = false;                            ///< for who asks for them
  std::optional<std::size_t> shm_total, shm_free;     ///< of /dev/shm; none: there is none
  std::optional<std::uint64_t> locked_memory, files;  ///< soft limits; none: unlimited
  Result<link::UcxFacts> ucx = link::UcxFacts{};      ///< or why not
  std::vector<std::string> gpus;                      ///< device files
};

/// Asks the system.
HostFacts host_facts();

/// Whose the ports of a configuration are.
struct PortUse {
  std::string what;  ///< "HTTP of front", "control port of token0"
  std::string address;
  std::uint16_t port = 0;
  Result<void> free;          ///< http::can_listen()
  bool ours_may_run = false;  ///< a cluster answers where this configuration says: then its ports are taken by it
};

/// What the facts mean; `cluster` adds what its machines and link want, unless it `runs` already and has it.
std::vector<Finding> judge(const HostFacts& facts, const config::ClusterConfig* cluster, bool runs = false);

/// One finding each.
std::vector<Finding> judge(const std::vector<PortUse>& ports);

}  // namespace troupe
