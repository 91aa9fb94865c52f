#include "kernels/matmul/matmul.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/kernels/matmul/product.hpp"

namespace troupe::kernels {
namespace {

std::string name(const Product& p) {
  return std::to_string(p.rows) + "x" + std::to_string(p.inputs) + "x" + std::to_string(p.outputs) + " " +
         to_string(p.dtype);
}

TEST(Matmul, TheReferenceIsTheProductWithinTheRoundingOfItsChain) {
  Serial serial;
  for (const Product& p : odd_products()) {
    const std::vector<float> y = p.compute(CpuIsa::kReference, serial), x = p.x(), w = p.w(), bias = p.biases();
    for (std::int64_t m = 0; m < p.rows; ++m) {
      for (std::int64_t n = 0; n < p.outputs; ++n) {
        double truth = p.bias ? bias[static_cast<std::size_t>(n)] : 0.0;
        double size = std::abs(truth);
        if (p.accumulate) truth += Product::kSentinel, size += Product::kSentinel;
        for (std::int64_t k = 0; k < p.inputs; ++k) {
          const double term = static_cast<double>(x[static_cast<std::size_t>(m * p.x_stride() + k)]) *
                              rounded_to(p.dtype, w[static_cast<std::size_t>(n * p.inputs + k)]);
          truth += term;
          size += std::abs(term);
        }
        // Each of inputs + 2 roundings errs by half a unit of a partial sum no larger than `size`.
        ASSERT_NEAR(y[static_cast<std::size_t>(m * p.y_stride() + n)], truth,
                    size * 0x1p-24 * static_cast<double>(p.inputs + 2))
            << name(p) << " at " << m << "," << n;
      }
    }
  }
}

TEST(Matmul, EveryInstructionSetGivesTheReferencesBitsAndTouchesNothingElse) {
  Serial serial;
  for (const Product& p : odd_products()) {
    const std::vector<float> expected = p.compute(CpuIsa::kReference, serial);
    for (std::int64_t m = 0; m < p.rows; ++m)
      for (std::int64_t n = p.outputs; n < p.y_stride(); ++n)
        ASSERT_EQ(expected[static_cast<std::size_t>(m * p.y_stride() + n)], Product::kSentinel) << name(p);
    for (const CpuIsa isa : isas_here())
      EXPECT_TRUE(same_bits(p.compute(isa, serial), expected)) << name(p) << to_string(isa);
  }
}

TEST(Matmul, ThreadsAndTheirOrderChangeNoBit) {
  Serial serial;
  Backwards five(5);
  Backwards many(64);
  ThreeThreads three;
  for (const Product& p : {Product{.rows = 1, .inputs = 700, .outputs = 999, .bias = true},
                           Product{.rows = 20, .inputs = 300, .outputs = 77, .accumulate = true},
                           Product{.rows = 201, .inputs = 65, .outputs = 161, .dtype = DType::kF16, .bias = true},
                           Product{.rows = 290, .inputs = 100, .outputs = 31, .dtype = DType::kF32}}) {
    const std::vector<float> expected = p.compute(CpuIsa::kReference, serial);
    for (const CpuIsa isa : isas_here())
      for (Parallel* parallel : std::initializer_list<Parallel*>{&serial, &five, &many, &three})
        EXPECT_TRUE(same_bits(p.compute(isa, *parallel), expected)) << name(p) << to_string(isa) << parallel->width();
  }
}

TEST(Matmul, ARowsBitsDoNotDependOnTheRowsBesideIt) {
  Serial serial;
  const Product whole{.rows = 110, .inputs = 201, .outputs = 45};
  const PackedMatrix matrix = whole.packed();
  const std::vector<float> x = whole.x();
  const auto stride = static_cast<std::size_t>(whole.y_stride());
  for (const CpuIsa isa : isas_here()) {
    const std::vector<float> all = whole.compute(isa, serial, matrix, x);
    for (std::int64_t rows = 1; rows < whole.rows; rows += rows < 14 ? 1 : 13) {
      Product some = whole;
      some.rows = rows;
      const std::int64_t first = whole.rows - rows;
      const std::vector<float> part =
          some.compute(isa, serial, matrix, {x.begin() + first * whole.x_stride(), x.end()});
      EXPECT_TRUE(same_bits(
          part, {all.end() - static_cast<std::ptrdiff_t>(static_cast<std::size_t>(rows) * stride), all.end()}))
          << rows << to_string(isa);
    }
  }
}

TEST(Matmul, MatricesPackedUnderOneAnotherAreOne) {
  Serial serial;
  const Product p{.rows = 2, .inputs = 37, .outputs = 101};
  std::vector<std::byte> stored = stored_as(p.dtype, p.w());
  stored.insert(stored.begin(), std::byte{0});  // a checkpoint's tensors stand at odd addresses
  PackedMatrix pieces(p.outputs, p.inputs, p.dtype);
  std::int64_t first = 0;
  for (const std::int64_t count : {1, 40, 0, 23, 37}) {
    pieces.pack_rows(first, count, stored.data() + 1 + static_cast<std::size_t>(first * p.inputs) * bytes_of(p.dtype));
    first += count;
  }
  ASSERT_EQ(first, p.outputs);
  EXPECT_TRUE(same_bits(p.compute(best_cpu_isa(), serial, pieces, p.x()), p.compute(CpuIsa::kReference, serial)));
}

TEST(Matmul, ANanStaysInItsRow) {
  Serial serial;
  const Product p{.rows = 30, .inputs = 50, .outputs = 40};
  std::vector<float> x = p.x();
  x[static_cast<std::size_t>(17 * p.x_stride() + 9)] = std::numeric_limits<float>::quiet_NaN();
  for (const CpuIsa isa : isas_here()) {
    const std::vector<float> y = p.compute(isa, serial, p.packed(), x), clean = p.compute(isa, serial);
    for (std::int64_t i = 0; i < p.rows * p.y_stride(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (i / p.y_stride() == 17 && i % p.y_stride() < p.outputs)
        EXPECT_TRUE(std::isnan(y[at]));
      else
        EXPECT_EQ(y[at], clean[at]);
    }
  }
}

TEST(Matmul, NoRowsIsNoWork) {
  Serial serial;
  const Product p{.inputs = 4, .outputs = 4};
  const PackedMatrix matrix = p.packed();
  matmul(best_cpu_isa(), serial, {.weights = &matrix, .rows = 0});
}

TEST(PackedMatrix, SaysItsSizeAndPadsTheLastPanelWithZeros) {
  const Product p{.inputs = 3, .outputs = 33, .dtype = DType::kF32};
  const PackedMatrix matrix = p.packed();
  EXPECT_EQ(matrix.panels(), 2);
  EXPECT_EQ(matrix.bytes(), 2u * 32 * 3 * 4);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix.panel(0)) % 64, 0u);
  const auto* last = reinterpret_cast<const float*>(matrix.panel(1));
  const std::vector<float> w = p.w();
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_EQ(last[k * 32], w[32 * 3 + k]);
    for (std::size_t c = 1; c < 32; ++c) EXPECT_EQ(last[k * 32 + c], 0.0f);
  }
}

TEST(PackedMatrixDeathTest, RefusesRowsItDoesNotHave) {
  PackedMatrix matrix(33, 2, DType::kBf16);
  const std::byte rows[64] = {};
  EXPECT_DEATH(matrix.pack_rows(30, 4, rows), "CHECK failed.*30, 4");
}

TEST(MatmulDeathTest, RefusesAStrideBelowTheWidth) {
  Serial serial;
  const PackedMatrix matrix = Product{.inputs = 8, .outputs = 8}.packed();
  std::vector<float> x(16), y(16);
  EXPECT_DEATH(matmul(best_cpu_isa(), serial,
                      {.x = x.data(), .x_stride = 7, .weights = &matrix, .y = y.data(), .y_stride = 8, .rows = 2}),
               "CHECK failed.*7, 8");
}

}  // namespace
}  // namespace troupe::kernels
