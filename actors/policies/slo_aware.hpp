// Ours: a request goes where the fewest objectives are expected to be missed, its own and those of the sequences that
// it would slow down.
//
// Predicted are the time to the first token (what is pending on a machine and the prompt itself, at the speed at which
// prompts were seen to run there) and the mean gap between tokens (the machine's pace at as many sequences as it would
// have, and the time for which prompts will keep them standing, spread over the tokens they have yet to make). Each,
// over its objective, becomes a chance of missing it by a logistic curve, as a prediction is no promise. The sum of
// chances is what a machine costs; the cheapest pair is taken, or the one machine that is cheaper than the pair.
//
// Why that should attain more than `splitwise` does:
// - `splitwise` overflows at so many pending tokens. Whether 8192 of them are half a second or five depends on the
//   hardware: on the one machine other pools stay idle while first tokens are late, on the other decodes are disturbed
//   for prompts that would have been in time. Here the objective is the threshold, in seconds, machine by machine.
// - `splitwise` counts queues in tokens, and so gives as many to a slow machine as to a fast one, and counts
// max_tokens,
//   which requests rarely reach. Here a queue is as long as its machine takes for it.
// - Disturbing a machine has a price, the objectives of those who decode there: nothing while they have slack, more
//   than a late prompt once they have none. So work crosses from pool to pool while the other one has slack to give,
//   both ways and before either has missed, and stops by itself when both are full.
// - A request that will be late anywhere costs about the same everywhere, so it goes where it makes no others late.
// What it does not know: how many tokens a request will make, and what its KV's transfer will add to the second token.
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
  };

  Speed speed_of(const MachineView& machine) const;
  Outlook look(const RoutingSnapshot& snapshot, const MachineView& machine) const;

  RoutingSettings settings_;
  Speed usual_;  // of the machines that were measured, in the snapshot that is decided on
};

}  // namespace troupe::policies
