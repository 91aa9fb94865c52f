// The implementations that swiglu() chooses from. All give the same bits.
#pragma once

#include <cstdint>

namespace troupe::kernels {

void swiglu_reference(const float* gate_up, float* out, std::int64_t rows, std::int64_t width);
namespace avx2 {
void swiglu(const float* gate_up, float* out, std::int64_t rows, std::int64_t width);
}
namespace avx512 {
void swiglu(const float* gate_up, float* out, std::int64_t rows, std::int64_t width);
}

}  // namespace troupe::kernels
