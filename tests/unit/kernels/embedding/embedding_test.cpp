#include "kernels/embedding/embedding.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <numeric>
#include <vector>

#include "runtime/base/random.hpp"

namespace troupe::kernels {
namespace {

const CpuIsa kIsas[] = {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512};

// Every pattern of 16 bits but the NaNs, whose payload need not survive.
std::vector<std::uint16_t> all_numbers(DType dtype) {
  std::vector<std::uint16_t> patterns;
  const std::uint32_t infinity = dtype == DType::kF16 ? 0x7c00u : 0x7f80u;
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits)
    if ((bits & 0x7fffu) <= infinity) patterns.push_back(static_cast<std::uint16_t>(bits));
  return patterns;
}

TEST(Embedding, WidensEverySixteenBitNumberExactlyOnEveryIsa) {
  for (const DType dtype : {DType::kF16, DType::kBf16}) {
    const auto numbers = all_numbers(dtype);
    const auto hidden = static_cast<std::int64_t>(numbers.size());
    for (const CpuIsa isa : kIsas) {
      if (!supports(isa)) continue;
      std::vector<float> out(numbers.size());
      embedding(isa, {numbers.data(), dtype, 1, hidden}, std::vector<std::int32_t>{0}, out.data());
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        const float exact = dtype == DType::kF16 ? f16_to_f32(numbers[i]) : bf16_to_f32(numbers[i]);
        ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(exact))
            << to_string(dtype) << numbers[i];
      }
    }
  }
}

TEST(Embedding, CopiesTheRowOfEachTokenAtAnyWidthAndAlignment) {
  const std::int64_t vocab = 11;
  const std::vector<std::int32_t> tokens{10, 0, 3, 3, 7};
  for (const std::int64_t hidden : {1, 5, 15, 16, 17, 33, 64, 100}) {
    std::vector<float> table(static_cast<std::size_t>(vocab * hidden));
    std::iota(table.begin(), table.end(), 0.25f);
    std::vector<char> shifted(table.size() * 4 + 1);  // one byte off: a mapped checkpoint promises no alignment
    std::memcpy(shifted.data() + 1, table.data(), table.size() * 4);
    for (const CpuIsa isa : kIsas) {
      if (!supports(isa)) continue;
      std::vector<float> out(tokens.size() * static_cast<std::size_t>(hidden) + 1, -1.0f);
      embedding(isa, {shifted.data() + 1, DType::kF32, vocab, hidden}, tokens, out.data());
      EXPECT_EQ(out.back(), -1.0f) << "wrote past the end";
      for (std::size_t row = 0; row < tokens.size(); ++row)
        for (std::int64_t i = 0; i < hidden; ++i)
          ASSERT_EQ(out[row * static_cast<std::size_t>(hidden) + static_cast<std::size_t>(i)],
                    table[static_cast<std::size_t>(tokens[row] * hidden + i)])
              << to_string(isa) << " hidden " << hidden << " row " << row << " at " << i;
    }
  }
}

TEST(Embedding, ReadsNothingPastTheTable) {
  // The table ends where its allocation does: the address sanitizer sees a vector load that goes further.
  std::vector<std::uint16_t> table(3 * 19, 0x3f80u);
  table.shrink_to_fit();
  for (const CpuIsa isa : kIsas) {
    if (!supports(isa)) continue;
    std::vector<float> out(19);
    embedding(isa, {table.data(), DType::kBf16, 3, 19}, std::vector<std::int32_t>{2}, out.data());
    EXPECT_EQ(out, std::vector<float>(19, 1.0f));
  }
}

TEST(EmbeddingDeathTest, RefusesATokenOutsideTheVocabulary) {
  const std::vector<float> table(12);
  std::vector<float> out(4);
  const EmbeddingTable shape{table.data(), DType::kF32, 3, 4};
  EXPECT_DEATH(embedding(CpuIsa::kReference, shape, std::vector<std::int32_t>{3}, out.data()), "\\(3, 3\\)");
  EXPECT_DEATH(embedding(CpuIsa::kReference, shape, std::vector<std::int32_t>{-1}, out.data()), "\\(-1, 3\\)");
}

}  // namespace
}  // namespace troupe::kernels
