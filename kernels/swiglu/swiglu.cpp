#include "kernels/swiglu/swiglu.hpp"

#include "kernels/core/check.hpp"
#include "kernels/swiglu/variants.hpp"

namespace troupe::kernels {

void swiglu(CpuIsa isa, const float* gate_up, float* out, std::int64_t rows, std::int64_t width) {
  KERNEL_CHECK(rows >= 0 && width >= 0, rows, width);
  switch (isa) {
    case CpuIsa::kReference:
      return swiglu_reference(gate_up, out, rows, width);
    case CpuIsa::kAvx2:
      return avx2::swiglu(gate_up, out, rows, width);
    case CpuIsa::kAvx512:
      return avx512::swiglu(gate_up, out, rows, width);
  }
}

}  // namespace troupe::kernels
