// 6 rows by 16 columns: 12 of 16 registers accumulate; a panel takes two passes. Up to 3 rows take the whole panel in
// one.
#include "kernels/core/vec16_avx2.hpp"
#include "kernels/matmul/part.hpp"

namespace troupe::kernels {
namespace avx2 {
namespace {

constexpr int kTileRows = 6;
constexpr int kTileVectors = 1;
constexpr int kStreamRows = 3;
#include "kernels/matmul/matmul.inl"

}  // namespace
}  // namespace avx2

void matmul_part_avx2(const MatmulPart& part) { avx2::run_part_of(part); }

}  // namespace troupe::kernels
