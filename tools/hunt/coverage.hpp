// What came about in a run: faults as they were carried out, and the rare situations of production code
// (runtime/base/rare.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/rare.hpp"

namespace troupe::hunt {

/// How often, by what it is. What never came about is not in it.
using Happened = std::map<std::string, std::uint64_t>;

/// Counts while it lives; one at a time.
class Coverage {
 public:
  Coverage() { counting_rare = &rares_; }
  ~Coverage() { counting_rare = nullptr; }
  Coverage(const Coverage&) = delete;
  Coverage& operator=(const Coverage&) = delete;

  /// One of declared_faults().
  void fault(std::string_view what);
  Happened happened() const;

 private:
  Happened faults_;
  RareCounts rares_{};
};

/// Actors that a plan may end, by name: those of machines, and all others.
inline constexpr const char* kMachineActors[] = {"pool",  "gpu",       "token",       "prompt",
                                                 "block", "kv_sender", "near_prompt", "hand_over"};
inline constexpr const char* kOtherActors[] = {"request",       "router",       "policy",        "dispatcher",
                                               "neighbours",    "deadlines",    "supervisor",    "remote_requests",
                                               "remote_prompt", "remote_token", "remote_router", "remote_dispatcher"};

/// Actors that a plan may end as well, and that are made anew: nothing else ends with them. The balancer is in neither
/// list, so that where it ends, it was by one of these.
inline constexpr const char* kRenewedActors[] = {"role_policy"};

/// All that may come about, in the order in which people read it: faults, then rare situations.
const std::vector<std::string>& what_may_happen();

}  // namespace troupe::hunt
