// The names of the policies that Troupe is built with, in the order in which people are shown them. Configuration
// checks words against these lists, the tables beside the policies (actors/policies/*_policy.cpp) make what they name:
// neither may include the other, and a test holds them together.
#pragma once

#include <string>
#include <vector>

namespace troupe {

/// Of `scheduling.policy`: to which machines a request goes. The first is the default.
const std::vector<std::string>& routing_policy_names();

/// Of `scheduling.prompt_batching`: which prompts run in a machine's next step. The first is the rule that its prompt
/// actor follows by itself.
const std::vector<std::string>& prompt_batch_policy_names();

/// Of `scheduling.token_batching`: which sequences run in a machine's next step, and which loses its memory when there
/// is no more. The first is the rule that its token actor follows by itself.
const std::vector<std::string>& token_batch_policy_names();

/// Of `scheduling.admission`: which waiting request gets memory next. The first is the rule that a token actor follows
/// by itself.
const std::vector<std::string>& admission_policy_names();

/// Of `roles.policy`: what machines are for. The first is the default.
const std::vector<std::string>& role_policy_names();

}  // namespace troupe
