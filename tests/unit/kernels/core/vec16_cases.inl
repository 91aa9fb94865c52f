// The promises of Vec16, for one instruction set: included by vec16_avx2_test.cpp and vec16_avx512_test.cpp inside the
// set's namespace, after vec16_probe.inl, with SUITE and kIsa defined.

TEST(SUITE, ExpHasTheScalarsBits) {
  if (!supports(kIsa)) GTEST_SKIP() << "this host has no " << to_string(kIsa);
  for (std::uint64_t bits = 0; bits < (1ull << 32); bits += 16 * 9973) {
    float x[16], y[16];
    for (int i = 0; i < 16; ++i)
      x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits + static_cast<std::uint64_t>(i) * 9973));
    Probe::exp_of(x, y);
    for (int i = 0; i < 16; ++i) {
      const float expected = exp_f32(x[i]);
      if (std::isnan(expected))
        ASSERT_TRUE(std::isnan(y[i])) << x[i];
      else
        ASSERT_EQ(std::bit_cast<std::uint32_t>(y[i]), std::bit_cast<std::uint32_t>(expected)) << x[i];
    }
  }
}

TEST(SUITE, ReductionsHaveTheScalarsBits) {
  if (!supports(kIsa)) GTEST_SKIP() << "this host has no " << to_string(kIsa);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::vector<float> x = random_numbers(16, seed);
    ASSERT_EQ(Probe::sum_of(x.data()), sum16(x.data()));
    ASSERT_EQ(Probe::maximum_of(x.data()), maximum16(x.data()));
  }
}

TEST(SUITE, ArithmeticRoundsAsScalarsDo) {
  if (!supports(kIsa)) GTEST_SKIP() << "this host has no " << to_string(kIsa);
  const std::vector<float> a = random_numbers(16, 1), b = random_numbers(16, 2), c = random_numbers(16, 3);
  std::vector<float> y(16), z(16), low(16), high(16);
  Probe::fma_of(a.data(), b.data(), c.data(), y.data());
  Probe::arithmetic_of(a.data(), b.data(), z.data());
  Probe::larger_of(a.data(), b.data(), high.data());
  Probe::smaller_of(a.data(), b.data(), low.data());
  std::uint32_t below = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(y[i], std::fma(a[i], b[i], c[i]));
    EXPECT_EQ(z[i], ((a[i] + b[i]) * b[i] - a[i]) / b[i]);
    EXPECT_EQ(high[i], std::max(a[i], b[i]));
    EXPECT_EQ(low[i], std::min(a[i], b[i]));
    below |= (a[i] < b[i] ? 1u : 0u) << i;
  }
  EXPECT_EQ(Probe::less_of(a.data(), b.data()), below);
}

TEST(SUITE, MaxAndMinTakeTheSecondWhereOneIsNan) {
  if (!supports(kIsa)) GTEST_SKIP() << "this host has no " << to_string(kIsa);
  const std::vector<float> nan(16, std::numeric_limits<float>::quiet_NaN()), one(16, 1.0f);
  std::vector<float> y(16);
  for (const auto& function : {Probe::larger_of, Probe::smaller_of}) {
    function(nan.data(), one.data(), y.data());
    EXPECT_EQ(y, one);
    function(one.data(), nan.data(), y.data());
    for (const float number : y) EXPECT_TRUE(std::isnan(number));
  }
}

TEST(SUITE, LanesAreThoseAskedFor) {
  if (!supports(kIsa)) GTEST_SKIP() << "this host has no " << to_string(kIsa);
  const std::vector<float> a = random_numbers(16, 4), b = random_numbers(16, 5);
  for (int first = 0; first <= 16; ++first) {
    for (int last = first; last <= 16; ++last) {
      EXPECT_EQ(Probe::lanes_of(first, last), ((1u << last) - 1) & ~((1u << first) - 1));
      std::vector<float> y(16);
      Probe::select_of(first, last, a.data(), b.data(), y.data());
      for (int i = 0; i < 16; ++i)
        EXPECT_EQ(y[static_cast<std::size_t>(i)], (first <= i && i < last ? a : b)[static_cast<std::size_t>(i)]);
    }
  }
}

template <DType type>
void expect_exact_widening() {
  constexpr std::uint32_t kCount = type == DType::kF32 ? 4096 : 65536;
  std::vector<float> numbers(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i)
    numbers[i] = type == DType::kF32   ? static_cast<float>(i) * 0.37f
                 : type == DType::kF16 ? f16_to_f32(static_cast<std::uint16_t>(i))
                                       : bf16_to_f32(static_cast<std::uint16_t>(i));
  const std::vector<std::byte> bytes = stored_as(type, numbers);
  for (std::size_t i = 0; i < kCount; i += 16) {
    float y[16];
    Probe::widen_of<type>(bytes.data() + i * bytes_of(type), y);
    for (std::size_t j = 0; j < 16; ++j) {
      if (std::isnan(numbers[i + j]))
        ASSERT_TRUE(std::isnan(y[j]));
      else
        ASSERT_EQ(std::bit_cast<std::uint32_t>(y[j]), std::bit_cast<std::uint32_t>(numbers[i + j]));
    }
  }
  for (int count = 1; count <= 16; ++count) {
    // The memory ends with the last lane that may be read: a sanitizer sees one that goes on.
    const std::vector<std::byte> few(bytes.begin(), bytes.begin() + count * static_cast<int>(bytes_of(type)));
    float y[16];
    Probe::widen_first_of<type>(few.data(), count, y);
    for (int j = 0; j < 16; ++j) ASSERT_EQ(y[j], j < count ? numbers[static_cast<std::size_t>(j)] : 0.0f);
  }
}

TEST(SUITE, WideningIsExactForEveryStoredNumber) {
  if (!supports(kIsa)) GTEST_SKIP() << "this host has no " << to_string(kIsa);
  expect_exact_widening<DType::kF32>();
  expect_exact_widening<DType::kF16>();
  expect_exact_widening<DType::kBf16>();
}

TEST(SUITE, APartialStoreLeavesTheRestAlone) {
  if (!supports(kIsa)) GTEST_SKIP() << "this host has no " << to_string(kIsa);
  const std::vector<float> x = random_numbers(16, 6);
  for (int count = 0; count <= 16; ++count) {
    std::vector<float> y(16, 7.0f);
    Probe::copy_first_of(x.data(), count, y.data());
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(y[i], static_cast<int>(i) < count ? x[i] : 7.0f);
  }
}
