// Attention with 16 registers of 8 lanes.
#include "kernels/attention/part.hpp"
#include "kernels/core/vec16_avx2.hpp"

namespace troupe::kernels {
namespace avx2 {
namespace {

constexpr int kScoreQueries = 4;
constexpr int kMixQueries = 2;
constexpr int kMixVectors = 2;
#include "kernels/attention/attention.inl"

}  // namespace
}  // namespace avx2

void attention_part_avx2(const AttentionPart& part) { avx2::run_part_of(part); }

}  // namespace troupe::kernels
