// SwiGLU (Shazeer, 2020): out = silu(gate) * up, silu(x) = x / (1 + exp(-x)).
#pragma once

#include <cstdint>

#include "kernels/core/cpu_isa.hpp"

namespace troupe::kernels {

/// gate_up: [rows][2 * width] float32, the gate's half first; out: [rows][width]. Rows are packed. out must not overlap
/// gate_up. Elementwise, with exp_f32 for the exponential: (gate / (1 + exp(-gate))) * up, the same bits on every isa.
void swiglu(CpuIsa isa, const float* gate_up, float* out, std::int64_t rows, std::int64_t width);

}  // namespace troupe::kernels
