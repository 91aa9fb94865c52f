// 12 rows by 32 columns: 24 of 32 registers accumulate, so both multiply-add ports stay busy through a latency of 4
// cycles.
#include "kernels/core/vec16_avx512.hpp"
#include "kernels/matmul/part.hpp"

namespace troupe::kernels {
namespace avx512 {
namespace {

constexpr int kTileRows = 12;
constexpr int kTileVectors = 2;
constexpr int kStreamRows = 12;
#include "kernels/matmul/matmul.inl"

}  // namespace
}  // namespace avx512

void matmul_part_avx512(const MatmulPart& part) { avx512::run_part_of(part); }

}  // namespace troupe::kernels
