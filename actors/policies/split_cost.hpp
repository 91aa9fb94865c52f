// Whether it pays to compute a prompt on one machine and its tokens on another.
#pragma once

#include "actors/policies/routing_policy.hpp"

namespace troupe::policies {

struct SplitVerdict {
  bool pays = true;
  double split_s = 0;              ///< what the split costs; 0 where it is not known
  double alone_s = 0;              ///< what it costs to have both on the token machine
  double prompt_tokens_per_s = 0;  ///< of the token machine, by its own measure or the prompt machine's; 0: not known
  std::string why;                 ///< the figures, in words
};

/// Costs are seconds by which sequences are kept from their next token, summed over the sequences; each side leaves out
/// what both have in common.
///
/// Split:  the wait behind the prompts of the prompt machine, the prompt's own time there, and what of the transfer
///         nothing hides. That is a round trip of the link and
///         - for a prompt that travels when it is done (under layerwise_bytes of the link): all its bytes / bandwidth;
///         - for one that travels while it is computed, in g groups of layers: the last group's bytes / bandwidth, or,
///           on a link that is slower than the machine computes, all bytes / bandwidth less the (g-1)/g of the prompt's
///           time that hides them;
///         and on a link that has more to carry than its prompts take to compute, the rest of that before it.
/// Alone:  the wait behind the prompts of the token machine, the prompt's time there, and that time once more for each
///         sequence that makes tokens there, as it stands still meanwhile.
///
/// Where the link or the speed of prompts has not been measured the split pays, as the pools want it.
SplitVerdict weigh_split(const RoutingSnapshot& snapshot, const MachineView& prompt, const MachineView& token,
                         const RoutingSettings& settings);

/// The cost of "alone" on any machine, at its own measured speed or, where there is none, at `prompt_tokens_per_s`.
double seconds_alone(const RoutingSnapshot& snapshot, const MachineView& machine, double prompt_tokens_per_s);

}  // namespace troupe::policies
