// SwiGLU as defined: the oracle for the vector code.
#include "kernels/core/scalar.hpp"
#include "kernels/swiglu/variants.hpp"

namespace troupe::kernels {

void swiglu_reference(const float* gate_up, float* out, std::int64_t rows, std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* gate = gate_up + row * 2 * width;
    const float* up = gate + width;
    for (std::int64_t i = 0; i < width; ++i) out[row * width + i] = gate[i] / (1.0f + exp_f32(-gate[i])) * up[i];
  }
}

}  // namespace troupe::kernels
