// Makes the recorder know Troupe's messages by name, and whose they are.
#pragma once

namespace troupe {

/// Registers every message of actors/messages/ with runtime/trace. Call once before actors are spawned; again is
/// harmless.
void register_traced_messages();

}  // namespace troupe
