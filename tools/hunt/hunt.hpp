// One seed of the fault hunt: plays its plan on a cluster and says which invariants did not hold.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tools/hunt/coverage.hpp"
#include "tools/hunt/plan.hpp"
#include "tools/hunt/violation.hpp"
#include "tools/hunt/witness.hpp"

namespace troupe::hunt {

struct HuntResult {
  std::uint64_t seed = 0;
  std::uint64_t hash = 0;      ///< of the trace (witness.hpp)
  std::uint64_t messages = 0;  ///< handled
  std::uint64_t retries = 0;   ///< attempts after requests' first ones
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;  ///< requests that were told so, with a good reason
  double virtual_seconds = 0;
  double recovery_seconds = 0;  ///< from the end of all faults to the last request's end
  Happened happened;
  std::vector<Violation> violations;
};

struct HuntTelling {
  Witness::Tell message;  ///< each message in words, as it is handled; none: nobody reads along
  Witness::Tell event;    ///< what the plan does, and what nodes say for their logs
};

/// The same seed gives the same result. Not for two threads at once: a trace watcher is the process's.
HuntResult hunt(std::uint64_t seed, bool faults, const HuntTelling& telling = {});

}  // namespace troupe::hunt
