// The implementations that rms_norm() chooses from. All give the same bits.
#pragma once

#include "kernels/rms_norm/rms_norm.hpp"

namespace troupe::kernels {

void rms_norm_reference(const RmsNorm& args);
namespace avx2 {
void rms_norm(const RmsNorm& args);
}
namespace avx512 {
void rms_norm(const RmsNorm& args);
}

}  // namespace troupe::kernels
