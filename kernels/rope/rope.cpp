#include "kernels/rope/rope.hpp"

#include "kernels/core/check.hpp"
#include "kernels/rope/variants.hpp"

namespace troupe::kernels {

void rope(CpuIsa isa, const Rope& args) {
  KERNEL_CHECK(args.rows >= 0 && args.heads >= 0, args.rows, args.heads);
  KERNEL_CHECK(args.half >= 0 && 2 * args.half <= args.head_dim, args.half, args.head_dim);
  KERNEL_CHECK(args.rows <= 1 || args.row_stride >= args.heads * args.head_dim, args.row_stride,
               args.heads * args.head_dim);
  switch (isa) {
    case CpuIsa::kReference:
      return rope_reference(args);
    case CpuIsa::kAvx2:
      return avx2::rope(args);
    case CpuIsa::kAvx512:
      return avx512::rope(args);
  }
}

}  // namespace troupe::kernels
