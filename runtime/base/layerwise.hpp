// When a prompt's KV had better travel layer by layer: one rule for who sends it and for who weighs what sending costs.
#pragma once

#include <chrono>
#include <cstdint>

namespace troupe {

/// What each group of layers costs the actors and links on both sides (measured: transfer_cost.py on the demo model, 2
/// cores of an Ice Lake Xeon).
inline constexpr std::chrono::microseconds kGroupHandling{100};

/// The bytes of KV from which on it had better travel in `groups` groups of layers, over a way of that round trip and
/// bandwidth (over 0). In one go all of them are waited for when the prompt has run; in groups only the last group's,
/// but each group costs a message's way more: half a round trip, and kGroupHandling. So these are the least bytes whose
/// time on the wire, less a group's, is over all that; infinite for fewer than two groups.
double layerwise_bytes(std::chrono::nanoseconds round_trip, double bytes_per_s, std::int32_t groups);

}  // namespace troupe
