// The rotation as defined, its products and sums rounded one by one: the oracle for the vector code.
#include "kernels/rope/variants.hpp"

namespace troupe::kernels {

void rope_reference(const Rope& args) {
  for (std::int64_t row = 0; row < args.rows; ++row) {
    const float* cos = args.cos + row * args.half;
    const float* sin = args.sin + row * args.half;
    for (std::int64_t head = 0; head < args.heads; ++head) {
      float* x = args.x + row * args.row_stride + head * args.head_dim;
      for (std::int64_t i = 0; i < args.half; ++i) {
        const float a = x[i];
        const float b = x[i + args.half];
        x[i] = a * cos[i] - b * sin[i];
        x[i + args.half] = b * cos[i] + a * sin[i];
      }
    }
  }
}

}  // namespace troupe::kernels
