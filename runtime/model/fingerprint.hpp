// Tells two models apart without reading all of them.
#pragma once

#include <string>

#include "runtime/model/checkpoint.hpp"

namespace troupe::model {

/// 32 hexadecimal digits: XXH3-128 over the names, types and shapes of the tensors that the model reads, the settings
/// that its arithmetic depends on, and the first bytes of each tensor. Nodes compare it before they exchange KV.
std::string fingerprint(const Checkpoint& checkpoint);

}  // namespace troupe::model
