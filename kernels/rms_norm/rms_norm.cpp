#include "kernels/rms_norm/rms_norm.hpp"

#include "kernels/core/check.hpp"
#include "kernels/rms_norm/variants.hpp"

namespace troupe::kernels {

void rms_norm(CpuIsa isa, const RmsNorm& args) {
  KERNEL_CHECK(args.rows >= 0 && args.width > 0, args.rows, args.width);
  KERNEL_CHECK(args.rows <= 1 || args.stride >= args.width, args.stride, args.width);
  switch (isa) {
    case CpuIsa::kReference:
      return rms_norm_reference(args);
    case CpuIsa::kAvx2:
      return avx2::rms_norm(args);
    case CpuIsa::kAvx512:
      return avx512::rms_norm(args);
  }
}

}  // namespace troupe::kernels
