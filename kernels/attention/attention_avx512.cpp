// Attention with 32 registers of 16 lanes.
#include "kernels/attention/part.hpp"
#include "kernels/core/vec16_avx512.hpp"

namespace troupe::kernels {
namespace avx512 {
namespace {

constexpr int kScoreQueries = 8;
constexpr int kMixQueries = 4;
constexpr int kMixVectors = 4;
#include "kernels/attention/attention.inl"

}  // namespace
}  // namespace avx512

void attention_part_avx512(const AttentionPart& part) { avx512::run_part_of(part); }

}  // namespace troupe::kernels
