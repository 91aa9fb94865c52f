#include "runtime/control/greeting.hpp"

#include <gtest/gtest.h>

namespace troupe::control {
namespace {

TEST(Greeting, IsKnownFromItsFirstByteToItsLast) {
  const Greeting words = greeting_of(Side::kDialler);
  for (std::size_t size = 0; size <= words.size(); ++size)
    EXPECT_TRUE(check_greeting(std::span(words).first(size), Side::kDialler).ok()) << size;
}

TEST(Greeting, IsRefusedAtTheFirstByteThatDiffers) {
  const Greeting words = greeting_of(Side::kDialler);
  for (std::size_t at = 0; at < words.size(); ++at) {
    Greeting other = words;
    other[at] = static_cast<char>(other[at] ^ 0x40);
    EXPECT_FALSE(check_greeting(std::span(other).first(at + 1), Side::kDialler).ok()) << at;
  }
}

TEST(Greeting, OfOneSideIsNotThatOfTheOther) {
  EXPECT_FALSE(check_greeting(greeting_of(Side::kDialler), Side::kListener).ok());
}

TEST(Greeting, OfAnotherVersionIsToldAsSuch) {
  Greeting words = greeting_of(Side::kListener);
  words[9] = static_cast<char>(words[9] + 1);
  const auto refused = check_greeting(words, Side::kListener);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace troupe::control
