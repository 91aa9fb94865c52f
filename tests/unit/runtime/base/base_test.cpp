#include <gtest/gtest.h>

#include <vector>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/utf8.hpp"

namespace troupe {
namespace {

TEST(Utf8, RefusesWhatUnicodeCallsIllFormed) {
  for (const std::string bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80", "\xFF"})
    EXPECT_FALSE(is_valid_utf8(bad)) << bad.size();
  EXPECT_TRUE(is_valid_utf8("a\u00e9\u20ac\U0001F600"));
}

TEST(Utf8, HoldsBackOnlyACharacterThatCanStillComplete) {
  EXPECT_EQ(incomplete_utf8_suffix("ab\xF0\x9F\x98"), 3u);
  EXPECT_EQ(incomplete_utf8_suffix("ab\xE2\x82"), 2u);
  EXPECT_EQ(incomplete_utf8_suffix("ab\xE2"), 1u);
  EXPECT_EQ(incomplete_utf8_suffix("ab\xE2\x82\xAC"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("ab\xFF"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("\x80\x80"), 0u);
}

TEST(Utf8, ReplacesEachMaximalIllFormedPart) {
  // What Python prints for bytes.decode(errors="replace").
  EXPECT_EQ(replace_invalid_utf8("a\xF0\x9F\x98z"), "a\uFFFDz");
  EXPECT_EQ(replace_invalid_utf8("\xE0\x80\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("ok\u20ac"), "ok\u20ac");
}

TEST(DidYouMean, OffersTheNearestWordWithinTwoEdits) {
  const std::vector<std::string> known{"prompt", "token", "mixed"};
  EXPECT_EQ(did_you_mean("prmopt", known), " (did you mean \"prompt\"?)");
  EXPECT_EQ(did_you_mean("tokne", known), " (did you mean \"token\"?)");
  EXPECT_EQ(did_you_mean("banana", known), "");
}

TEST(Random, ADrawDependsOnSeedChoiceAndPositionAlone) {
  const float draw = uniform_draw({1, 0, 5});
  EXPECT_EQ(draw, uniform_draw({1, 0, 5}));
  EXPECT_NE(draw, uniform_draw({2, 0, 5}));
  EXPECT_NE(draw, uniform_draw({1, 1, 5}));
  EXPECT_NE(draw, uniform_draw({1, 0, 6}));
}

TEST(Random, DrawsAreUniformWithinAPercent) {
  double sum = 0;
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const float draw = uniform_draw({42, 0, i});
    ASSERT_GE(draw, 0.0f);
    ASSERT_LT(draw, 1.0f);
    sum += draw;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
}

Result<int> half(int n) {
  if (n % 2 != 0) return Error{ErrorCode::kInvalidInput, "odd"};
  return n / 2;
}

Result<int> quarter(int n) {
  TRY(once, half(n));
  return half(once);
}

TEST(Result, TryHandsTheFirstErrorOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_EQ(quarter(3).error().within("here").message, "here: odd");
}

}  // namespace
}  // namespace troupe
