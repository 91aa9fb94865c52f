// Admission: which of the requests that wait at a machine is the next to get KV blocks, and which are refused. A policy
// is a function of a snapshot and its own memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::policies {

/// A request that has no blocks yet, or none any more.
struct WaitingRequest {
  std::uint64_t number = 0;  ///< names it in the answer; grows in the order of arrival at the machine
  RequestId request;
  std::int32_t tokens = 0;            ///< prompt tokens to run, and those that were made already
  std::int32_t most_left = 0;         ///< tokens that it may still make
  bool begun = false;                 ///< it has made tokens, here or elsewhere: it cannot be refused
  std::chrono::nanoseconds waited{};  ///< since it came to the machine
};

struct AdmissionSnapshot {
  std::int32_t with_blocks = 0;         ///< requests that hold blocks
  std::vector<WaitingRequest> waiting;  ///< those that were preempted first, then in the order of arrival; at least
                                        ///< one, at most kMostWaitingShown
};

/// Further ones are shown when some of these have left the queue.
inline constexpr std::size_t kMostWaitingShown = 512;

struct Admission {
  std::optional<std::uint64_t> next;  ///< who gets blocks as soon as there are enough; nobody: asked again when a
                                      ///< request comes or leaves, or blocks become free
  struct Refusal {
    std::uint64_t number = 0;
    std::string reason;  ///< a sentence for the client
  };
  std::vector<Refusal> refused;  ///< told to come again later (HTTP 429)
};

/// Implemented by one file for each policy.
class AdmissionPolicy {
 public:
  virtual ~AdmissionPolicy() = default;
  /// Asked while the machine may have room for one more, not while its memory is known to be out. Numbers that are not
  /// in the snapshot are passed over. Where nobody is chosen and nobody holds blocks, the first in the queue is next.
  virtual Admission decide(const AdmissionSnapshot& snapshot) = 0;
};

struct AdmissionSettings {
  Objectives slo;
};

/// The policy of that name (one of admission_policy_names()), or of the library at that path where it has a slash; or
/// kConfig with the names there are.
Result<std::unique_ptr<AdmissionPolicy>> make_admission_policy(std::string_view name,
                                                               const AdmissionSettings& settings = {});

}  // namespace troupe::policies
