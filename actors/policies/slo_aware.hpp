// Ours: a request goes where the fewest objectives are expected to be missed, its own and those of the sequences that
// it would slow down.
//
// Predicted are the time to the first token (what is pending on a machine and the prompt itself, at the speed at which
// prompts were seen to run) and the mean gap between tokens (the pace at as many sequences as the machine would have,
// and the time for which prompts keep them standing, spread over their tokens). The first, over its objective, becomes
// a chance of missing it by a logistic curve; the second a cost that rises as that curve does and goes on rising past
// the objective. The sum is what a machine costs; the cheapest pair is taken, or the one machine that is cheaper than
// the pair. A machine without memory for the prompt and the reserve is taken only where none has it.
//
// Why that should attain more than `splitwise` does:
// - A request that is late wherever it goes is put behind others that are late, in the longest queue of the pool, and
//   not into the shortest one, where it would make those late that come next. Joining the shortest queue shares
//   lateness out fairly: past the knee all queues stand just over the objective and nearly everybody misses it. Here
//   most are in time and some are very late, up to ten objectives.
// - Decodes are not given up in that way: a machine whose sequences are too slow slows down every one that it gets, for
//   as long as it runs, so past the objective too the slower machine costs more, and load stays level.
// - `splitwise` overflows at so many pending tokens. Whether 8192 of them are half a second or five depends on the
//   hardware. Here the objective is the threshold, in seconds, machine by machine.
// - `splitwise` draws a machine in without asking what that does to those it serves. Here it has a price, which is
//   nothing while they have slack and more than a late prompt once they have none: so work crosses from pool to pool
//   while the other one has slack to give, and stops by itself when both are full.
// - Queues in tokens count max_tokens, which requests rarely reach; here sequences count by what they cost a step.
// While no objective is in danger it does as `jsq_tokens` does. What it does not know: how many tokens a request will
// make, and what its KV's transfer adds to the second token.
#pragma once

#include "actors/policies/routing_policy.hpp"

namespace troupe::policies {

class SloAware final : public RoutingPolicy {
 public:
  explicit SloAware(const RoutingSettings& settings = {}) : settings_(settings) {}
  RoutingDecision decide(const RoutingSnapshot& snapshot) override;

 private:
  /// A machine's speeds: measured, or those of its like.
  struct Speed {
    double prompt_tokens_per_s = 0;
    DecodePace pace;
  };
  /// What giving a phase to a machine is expected to cost, in requests that miss an objective.
  struct Outlook {
    MachineId machine;
    Role role = Role::kMixed;
    double prompt_cost = 0;
    double token_cost = 0;
    double ttft_s = 0;
    double gap_s = 0;
    double late_by = 0;   ///< the first token, in objectives
    double kv_lacks = 0;  ///< of all its KV, the share that is wanting for the prompt and the reserve
  };

  void learn_usual(const RoutingSnapshot& snapshot);
  static const Outlook* among_the_late(const std::vector<Outlook>& outlooks);
  Speed speed_of(const MachineView& machine) const;
  Outlook look(const RoutingSnapshot& snapshot, const MachineView& machine) const;

  RoutingSettings settings_;
  Speed usual_;  // of the machines that were measured, in the snapshot that is decided on
};

}  // namespace troupe::policies
