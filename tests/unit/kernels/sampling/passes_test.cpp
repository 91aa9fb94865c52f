// Each pass over the vocabulary gives the reference's bits, at every length and whatever stands in the row.
#include "kernels/sampling/passes.hpp"

#include <gtest/gtest.h>

#include <bit>

#include "tests/unit/kernels/sampling/rows.hpp"

namespace troupe::kernels::sampling {
namespace {

const std::size_t kLengths[] = {1, 2, 15, 16, 17, 31, 32, 33, 100, 1008, 1023, 1024, 1025, 1040, 2048, 3000, 5003};

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

TEST(SamplingPasses, ScanFindsTheFirstOfTheLargest) {
  for (const std::size_t length : kLengths) {
    const auto logits = random_logits(length, length, 2.0);
    const Scan expected = kReferencePasses.scan(logits.data(), static_cast<std::int64_t>(length));
    EXPECT_EQ(expected.index, by_value(logits)[0]);
    for (const CpuIsa isa : all_isas()) {
      const Scan scan = passes_of(isa).scan(logits.data(), static_cast<std::int64_t>(length));
      EXPECT_EQ(scan.index, expected.index) << to_string(isa) << length;
      EXPECT_EQ(bits(scan.max), bits(expected.max)) << to_string(isa) << length;
      EXPECT_FALSE(scan.bad);
    }
  }
}

TEST(SamplingPasses, ScanSeesOneBadNumberAnywhere) {
  for (const std::size_t length : kLengths) {
    for (const std::size_t place : {std::size_t{0}, length / 2, length - 1}) {
      for (const float bad : {NAN, -NAN, INFINITY}) {
        auto logits = random_logits(length, length);
        logits[place] = bad;
        for (const CpuIsa isa : all_isas())
          EXPECT_TRUE(passes_of(isa).scan(logits.data(), static_cast<std::int64_t>(length)).bad)
              << to_string(isa) << " " << length << " at " << place;
      }
      auto logits = random_logits(length, length);
      logits[place] = -INFINITY;
      for (const CpuIsa isa : all_isas())
        EXPECT_EQ(passes_of(isa).scan(logits.data(), static_cast<std::int64_t>(length)).bad, length == 1);
    }
  }
}

TEST(SamplingPasses, ScanTakesTheFirstZeroWhateverItsSign) {
  std::vector<float> logits(40, -1.0f);
  logits[7] = -0.0f;
  logits[21] = 0.0f;
  for (const CpuIsa isa : all_isas()) {
    const Scan scan = passes_of(isa).scan(logits.data(), 40);
    EXPECT_EQ(scan.index, 7);
    EXPECT_EQ(bits(scan.max), bits(-0.0f)) << to_string(isa);
  }
}

TEST(SamplingPasses, SumsAndExponentialsHaveTheSameBitsOnEveryIsa) {
  for (const std::size_t length : kLengths) {
    auto logits = random_logits(length, length);
    if (length > 20) logits[5] = -INFINITY;
    const auto n = static_cast<std::int64_t>(length);
    std::vector<float> expected(length + 1, -1.0f);
    kReferencePasses.exponentials(logits.data(), expected.data(), n, 12.5f, 1.3f);
    for (const CpuIsa isa : all_isas()) {
      const Passes& passes = passes_of(isa);
      std::vector<float> out(length + 1, -1.0f);
      passes.exponentials(logits.data(), out.data(), n, 12.5f, 1.3f);
      for (std::size_t i = 0; i <= length; ++i) ASSERT_EQ(bits(out[i]), bits(expected[i])) << to_string(isa) << length;
      const std::int64_t run = std::min(n, kRun);
      for (const float bound : {0.0f, 1e-4f})
        EXPECT_EQ(bits(passes.sum_above(out.data(), run, bound)),
                  bits(kReferencePasses.sum_above(out.data(), run, bound)));
      EXPECT_EQ(bits(passes.sum_exponentials(logits.data(), run, 12.5f)),
                bits(kReferencePasses.sum_exponentials(logits.data(), run, 12.5f)));
    }
  }
}

TEST(SamplingPasses, CountsSearchesAndDropsAreExact) {
  for (const std::size_t length : kLengths) {
    const auto logits = random_logits(length, length, 1.0);
    const auto n = static_cast<std::int64_t>(length);
    for (const CpuIsa isa : all_isas()) {
      const Passes& passes = passes_of(isa);
      for (const float bound : {-100.0f, 0.0f, 4.0f, 100.0f}) {
        EXPECT_EQ(passes.count_above(logits.data(), n, bound),
                  std::count_if(logits.begin(), logits.end(), [&](float x) { return x > bound; }));
        for (std::int64_t from = 0; from <= n; from += 1 + n / 7)
          EXPECT_EQ(passes.next_above(logits.data(), from, n, bound),
                    kReferencePasses.next_above(logits.data(), from, n, bound));
        std::vector<std::int32_t> ids(length), expected_ids(length);
        const std::int64_t found = passes.collect_above(logits.data(), n, bound, ids.data());
        EXPECT_EQ(found, kReferencePasses.collect_above(logits.data(), n, bound, expected_ids.data()));
        EXPECT_EQ(found, passes.count_above(logits.data(), n, bound));
        EXPECT_EQ(ids, expected_ids);
        auto dropped = logits;
        passes.drop_below(dropped.data(), n, bound);
        for (std::size_t i = 0; i < length; ++i) EXPECT_EQ(dropped[i], logits[i] < bound ? 0.0f : logits[i]);
      }
    }
  }
}

}  // namespace
}  // namespace troupe::kernels::sampling
