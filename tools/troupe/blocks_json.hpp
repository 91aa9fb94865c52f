// Who holds one machine's KV blocks, as /troupe/machines/{name}/blocks shows it.
#pragma once

#include <string>

#include "actors/messages/blocks.hpp"
#include "runtime/base/result.hpp"

namespace troupe {

/// What goes on with a lease, from the states of its blocks: "prompt" (it is computed here), "prompt elsewhere",
/// "prompt for elsewhere", "decoding", "sending".
const char* phase_of(const HeldBlocks& held);

/// {"machine", "node", "blocks": {state: count, ..., "held", "total"}, "going_home", "leases": [{request, home, phase,
/// peer, held_s, blocks, by_state}], "left_out"}. A request's number is text: it has 64 bits.
std::string blocks_json(const std::string& machine, const std::string& node, const MachineBlocks& blocks);

/// The same as a table; kInvalidInput for what is none of ours.
Result<std::string> blocks_table(const std::string& json);

}  // namespace troupe
