// The cuts keep exactly what a full sort would keep.
#include "kernels/sampling/cuts.hpp"

#include <gtest/gtest.h>

#include "tests/unit/kernels/sampling/rows.hpp"

namespace troupe::kernels::sampling {
namespace {

// Weights as exponentials of logits; grain > 0 makes many of them equal.
std::vector<float> weights_of(std::size_t count, std::uint64_t seed, double grain, float temperature = 1.0f) {
  SamplingParams params;
  params.temperature = temperature;
  return naive_weights(random_logits(count, seed, grain), params);
}

std::vector<float> with_top_k(std::vector<float> weights, std::int64_t k, CpuIsa isa) {
  std::vector<std::int32_t> order;
  keep_largest(passes_of(isa), weights.data(), static_cast<std::int64_t>(weights.size()), k, order);
  return weights;
}

std::vector<float> with_top_p(std::vector<float> weights, float share, CpuIsa isa) {
  std::vector<std::int32_t> order;
  keep_nucleus(passes_of(isa), weights.data(), static_cast<std::int64_t>(weights.size()), share, order);
  return weights;
}

TEST(KeepLargest, KeepsExactlyKAndTheSmallestIdsAmongEquals) {
  for (const std::size_t count : {1u, 2u, 16u, 17u, 100u, 4099u}) {
    for (const double grain : {0.0, 0.5, 4.0, 100.0}) {
      const auto weights = weights_of(count, count, grain);
      const auto order = by_value(weights);
      for (const std::size_t k : {1u, 2u, 3u, 15u, 50u, 1000u, 4099u}) {
        auto expected = weights;
        for (std::size_t rank = k; rank < count; ++rank) expected[static_cast<std::size_t>(order[rank])] = 0;
        for (const CpuIsa isa : all_isas())
          ASSERT_EQ(with_top_k(weights, static_cast<std::int64_t>(k), isa), expected)
              << to_string(isa) << " count " << count << " grain " << grain << " k " << k;
      }
    }
  }
}

TEST(KeepLargest, LeavesFewerThanKAlone) {
  std::vector<float> weights(100, 0.0f);
  weights[3] = 1.0f;
  weights[70] = 1e-45f;  // the smallest there is
  EXPECT_EQ(with_top_k(weights, 2, best_cpu_isa()), weights);
}

TEST(KeepNucleus, KeepsTheFewestThatReachTheShare) {
  for (const std::size_t count : {1u, 2u, 16u, 17u, 100u, 4099u}) {
    for (const double grain : {0.0, 0.5, 4.0, 100.0}) {
      for (const float temperature : {0.3f, 1.0f, 10.0f}) {
        const auto weights = weights_of(count, count, grain, temperature);
        double whole = 0;
        for (const float weight : weights) whole += static_cast<double>(weight);
        for (const float share : {0.001f, 0.1f, 0.5f, 0.9f, 0.95f, 0.999f}) {
          auto expected = weights;
          double before = 0;
          for (const std::int32_t id : by_value(weights)) {
            float& weight = expected[static_cast<std::size_t>(id)];
            const bool kept = before < static_cast<double>(share) * whole;
            before += static_cast<double>(weight);
            if (!kept) weight = 0;
          }
          for (const CpuIsa isa : all_isas())
            ASSERT_EQ(with_top_p(weights, share, isa), expected)
                << to_string(isa) << " count " << count << " grain " << grain << " share " << share;
        }
      }
    }
  }
}

TEST(KeepNucleus, AlwaysKeepsTheLargest) {
  const std::vector<float> weights{0.25f, 1.0f, 0.5f};
  for (const float share : {1e-30f, 0.0f, -1.0f})
    EXPECT_EQ(with_top_p(weights, share, best_cpu_isa()), (std::vector<float>{0, 1.0f, 0}));
}

TEST(KeepNucleus, CutsARowOfEqualsByTheirIds) {
  const std::vector<float> weights(1000, 1.0f);
  const auto kept = with_top_p(weights, 0.25f, best_cpu_isa());
  for (std::size_t i = 0; i < kept.size(); ++i) ASSERT_EQ(kept[i], i < 250 ? 1.0f : 0.0f) << i;
}

}  // namespace
}  // namespace troupe::kernels::sampling
