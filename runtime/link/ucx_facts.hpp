// What the UCX that this program runs with can do on this host: for `troupe doctor`, which asks before anything is
// opened.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::link {

struct UcxTransport {
  std::string name;    ///< "posix", "tcp", "cma", "rc_mlx5", "cuda_ipc"
  std::string device;  ///< "memory", "lo", "eth0", "mlx5_0:1"
};

struct UcxFacts {
  std::string version;
  std::vector<UcxTransport> transports;  ///< by name and device, each once
};

/// kUnavailable where UCX cannot say.
Result<UcxFacts> ucx_facts();

}  // namespace troupe::link
