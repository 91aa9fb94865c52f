// How much memory this host can still give, so that a model served with nothing configured neither starves nor takes
// everything.
#pragma once

#include <cstddef>

namespace troupe::model {

/// Bytes that can be taken without swapping: the kernel's MemAvailable, and less where a control group allows less. 0
/// where unknown.
std::size_t available_memory_bytes();

}  // namespace troupe::model
