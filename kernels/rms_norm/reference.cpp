// RMSNorm as defined: the oracle for the vector code.
#include <cmath>

#include "kernels/core/scalar.hpp"
#include "kernels/rms_norm/variants.hpp"

namespace troupe::kernels {

void rms_norm_reference(const RmsNorm& args) {
  for (std::int64_t row = 0; row < args.rows; ++row) {
    const float* x = args.x + row * args.stride;
    float* out = args.out + row * args.stride;
    float lanes[16] = {};
    for (std::int64_t i = 0; i < args.width; ++i) lanes[i % 16] = std::fma(x[i], x[i], lanes[i % 16]);
    const float mean = sum16(lanes) / static_cast<float>(args.width);
    const float scale = 1.0f / std::sqrt(mean + args.epsilon);
    for (std::int64_t i = 0; i < args.width; ++i) out[i] = (x[i] * scale) * args.weight[i];
  }
}

}  // namespace troupe::kernels
