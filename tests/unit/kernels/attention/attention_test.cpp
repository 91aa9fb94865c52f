#include "kernels/attention/attention.hpp"

#include <gtest/gtest.h>

#include "tests/unit/kernels/attention/scene.hpp"

namespace troupe::kernels {
namespace {

/// softmax(scale q K) V in double, over positions (position - window, position].
std::vector<double> truth(const Scene& scene, std::size_t s, std::int64_t position, std::int64_t head) {
  const std::vector<float> kv = scene.kv(s), q = scene.q(s);
  const std::int64_t kv_head = head / (scene.heads / scene.kv_heads);
  const std::int64_t first = scene.window > 0 ? std::max<std::int64_t>(0, position - scene.window + 1) : 0;
  const auto number = [&](std::int64_t p, std::int64_t offset) {
    return static_cast<double>(rounded_to(scene.dtype, kv[static_cast<std::size_t>(p * scene.kv_stride() + offset)]));
  };
  std::vector<double> scores;
  for (std::int64_t p = first; p <= position; ++p) {
    double score = 0;
    for (std::int64_t d = 0; d < scene.head_dim; ++d)
      score += q[static_cast<std::size_t>(position * scene.stride() + head * scene.head_dim + d)] *
               number(p, kv_head * scene.head_dim + d);
    scores.push_back(score * scene.scale());
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  std::vector<double> out(static_cast<std::size_t>(scene.head_dim));
  double total = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double weight = std::exp(scores[i] - largest);
    total += weight;
    for (std::int64_t d = 0; d < scene.head_dim; ++d)
      out[static_cast<std::size_t>(d)] +=
          weight * number(first + static_cast<std::int64_t>(i), scene.kv_width() + kv_head * scene.head_dim + d);
  }
  for (double& value : out) value /= total;
  return out;
}

TEST(Attention, TheReferenceIsTheSoftmaxOfTheVisiblePositions) {
  Serial serial;
  for (const Scene& scene : odd_scenes()) {
    const std::vector<float> out = scene.compute(CpuIsa::kReference, serial);
    std::int64_t row = 0;
    for (std::size_t s = 0; s < scene.spans.size(); ++s) {
      for (std::int64_t i = 0; i < scene.spans[s].rows; ++i, ++row) {
        for (std::int64_t head = 0; head < scene.heads; ++head) {
          const std::vector<double> expected = truth(scene, s, scene.spans[s].first_position + i, head);
          // A score errs by head_dim roundings of partial sums, and an error of a score is an equal relative one of its
          // weight.
          const double tolerance = 0x1p-23 * (static_cast<double>(scene.head_dim) * scene.size * 2 + 64);
          for (std::int64_t d = 0; d < scene.head_dim; ++d)
            ASSERT_NEAR(out[static_cast<std::size_t>(row * scene.stride() + head * scene.head_dim + d)],
                        expected[static_cast<std::size_t>(d)], tolerance)
                << scene.name() << row << "," << head << "," << d;
        }
      }
    }
  }
}

TEST(Attention, EveryInstructionSetGivesTheReferencesBitsAndTouchesNothingElse) {
  Serial serial;
  for (const Scene& scene : odd_scenes()) {
    const std::vector<float> expected = scene.compute(CpuIsa::kReference, serial);
    for (std::int64_t row = 0; row < scene.rows(); ++row)
      for (std::int64_t i = scene.width(); i < scene.stride(); ++i)
        ASSERT_EQ(expected[static_cast<std::size_t>(row * scene.stride() + i)], Scene::kSentinel);
    for (const CpuIsa isa : isas_here())
      EXPECT_TRUE(same_bits(scene.compute(isa, serial), expected)) << scene.name() << to_string(isa);
  }
}

TEST(Attention, EveryHeadDimensionGivesTheReferencesBits) {
  Serial serial;
  for (std::int64_t head_dim = 1; head_dim <= 256; head_dim += head_dim < 70 ? 1 : 31) {
    const Scene scene{.heads = 5, .kv_heads = 1, .head_dim = head_dim, .spans = {{16, 4}}};
    const std::vector<float> expected = scene.compute(CpuIsa::kReference, serial);
    for (const CpuIsa isa : isas_here())
      EXPECT_TRUE(same_bits(scene.compute(isa, serial), expected)) << scene.name() << to_string(isa);
  }
}

TEST(Attention, ARowsBitsDependNeitherOnItsChunkNorOnTheBatch) {
  Serial serial;
  for (const std::int64_t window : {0, 20}) {
    const Scene whole{.heads = 6, .kv_heads = 2, .head_dim = 48, .window = window, .spans = {{0, 75}}};
    for (const CpuIsa isa : isas_here()) {
      const std::vector<float> expected = whole.compute(isa, serial);
      for (const std::int64_t chunk : {1, 3, 16, 40}) {
        std::vector<float> out;
        for (std::int64_t first = 0; first < 75; first += chunk) {
          Scene part = whole;
          // Its neighbours in the batch stand behind it, so that it keeps its own keys and queries.
          part.spans = {{first, std::min<std::int64_t>(chunk, 75 - first)}, {5, 3}, {33, 1}};
          const std::vector<float> rows = part.compute(isa, serial);
          out.insert(out.end(), rows.begin(), rows.begin() + part.spans[0].rows * part.stride());
        }
        EXPECT_TRUE(same_bits(out, expected)) << to_string(isa) << " chunk " << chunk << " window " << window;
      }
    }
  }
}

TEST(Attention, ThreadsAndTheirOrderChangeNoBit) {
  Serial serial;
  Backwards backwards(4);
  ThreeThreads three;
  const Scene scene{.heads = 8, .kv_heads = 4, .head_dim = 64, .spans = {{10, 40}, {100, 1}, {3, 9}}};
  const std::vector<float> expected = scene.compute(CpuIsa::kReference, serial);
  for (const CpuIsa isa : isas_here()) {
    EXPECT_TRUE(same_bits(scene.compute(isa, backwards), expected));
    EXPECT_TRUE(same_bits(scene.compute(isa, three), expected));
  }
}

TEST(Attention, ASequenceWithoutRowsIsSkipped) {
  Serial serial;
  const Scene scene{.spans = {{0, 2}}};
  const Scene with_empty{.spans = {{0, 2}, {20, 0}}};
  EXPECT_TRUE(same_bits(with_empty.compute(best_cpu_isa(), serial), scene.compute(best_cpu_isa(), serial)));
}

TEST(Attention, AnInfiniteValueReachesOnlyThoseWhoSeeIt) {
  Serial serial;
  const Scene scene{.head_dim = 20, .spans = {{0, 30}}};
  std::vector<std::byte> memory = scene.slab(serial);
  const KvLayout layout = scene.layout();
  const std::uint16_t infinity = f32_to_bf16(std::numeric_limits<float>::infinity());
  // V of position 25 (slot 9 of the second block), dimension 4.
  std::memcpy(
      memory.data() + layout.offset(Scene::kLayer, scene.tables()[0][1]) + layout.half_bytes() + (9 * 20 + 4) * 2,
      &infinity, 2);
  for (const CpuIsa isa : isas_here()) {
    const std::vector<float> out = scene.compute(isa, serial, memory);
    for (std::int64_t row = 0; row < 30; ++row)
      EXPECT_EQ(std::isfinite(out[static_cast<std::size_t>(row * scene.stride() + 4)]), row < 25)
          << row << to_string(isa);
  }
}

TEST(AttentionDeathTest, RefusesABlockThatTheSlabDoesNotHave) {
  Serial serial;
  const KvLayout layout{.layers = 1, .kv_heads = 1, .head_dim = 4, .blocks = 2};
  std::vector<std::byte> slab(layout.slab_bytes());
  std::vector<float> q(4), out(4);
  const std::uint32_t table[] = {0, 2};
  const AttentionSequence sequence{.rows = 1, .first_position = 16, .block_table = table};
  EXPECT_DEATH(attention(best_cpu_isa(), serial,
                         {.q = q.data(),
                          .q_stride = 4,
                          .out = out.data(),
                          .out_stride = 4,
                          .heads = 1,
                          .scale = 1,
                          .slab = slab.data(),
                          .layout = &layout,
                          .sequences = {&sequence, 1}}),
               "CHECK failed.*2, 2");
}

TEST(AttentionDeathTest, RefusesHeadsThatDoNotShareEvenly) {
  Serial serial;
  const Scene scene{.heads = 3, .kv_heads = 2};
  EXPECT_DEATH(scene.compute(best_cpu_isa(), serial), "CHECK failed.*3, 2");
}

}  // namespace
}  // namespace troupe::kernels
