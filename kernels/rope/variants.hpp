// The implementations that rope() chooses from. All give the same bits.
#pragma once

#include "kernels/rope/rope.hpp"

namespace troupe::kernels {

void rope_reference(const Rope& args);
namespace avx2 {
void rope(const Rope& args);
}
namespace avx512 {
void rope(const Rope& args);
}

}  // namespace troupe::kernels
