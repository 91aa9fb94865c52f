#include "runtime/control/caf_frames.hpp"

#include <array>

#include <gtest/gtest.h>

namespace troupe::control {
namespace {

struct Header {
  unsigned char operation = 2;
  unsigned char flags = 0;
  std::uint32_t length = 100;
  std::uint64_t data = 0;
  std::uint64_t source = 0;
  std::uint64_t target = 7;
  unsigned char padding = 0;

  std::array<char, kCafHeaderBytes> bytes() const {
    std::array<char, kCafHeaderBytes> out{};
    const auto put = [&](std::size_t at, std::size_t size, std::uint64_t number) {
      for (std::size_t i = 0; i < size; ++i) out[at + i] = static_cast<char>(number >> (8 * (size - 1 - i)) & 0xff);
    };
    put(0, 1, operation);
    put(1, 1, padding);
    put(3, 1, flags);
    put(4, 4, length);
    put(8, 8, data);
    put(16, 8, source);
    put(24, 8, target);
    return out;
  }
};

const Header kClientHandshake{1, 0, 40, 0, 0, 0};
const Header kServerHandshake{0, 0, 40, 3, 0, 0};

/// What a dialler's frames are followed by, after its handshake.
CafFrames after_handshake() {
  CafFrames frames(Side::kDialler);
  EXPECT_TRUE(frames.take(kClientHandshake.bytes()).ok());
  return frames;
}

bool passes(const Header& header) { return after_handshake().take(header.bytes()).ok(); }

TEST(CafFrames, LetsPassWhatNodesSay) {
  EXPECT_TRUE(passes({2, 0, 100, 5, 9, 7}));
  EXPECT_TRUE(passes({2, 1, 100, 5, 9, 7}));
  EXPECT_TRUE(passes({4, 0, 30, 0, 0, 7}));
  EXPECT_TRUE(passes({5, 0, 30, 0, 9, 0}));
  EXPECT_TRUE(passes({6, 0, 0, 0, 0, 0}));
}

TEST(CafFrames, SaysHowManyBytesFollow) { EXPECT_EQ(*after_handshake().take(Header{}.bytes()), 100u); }

TEST(CafFrames, RefusesTheHandshakeWithoutAPayloadThatEndsCaf) {
  std::array<char, kCafHeaderBytes> killer{};
  killer[0] = 1;
  EXPECT_FALSE(CafFrames(Side::kDialler).take(killer).ok());
}

TEST(CafFrames, RefusesLengthsThatNoFrameHas) {
  EXPECT_TRUE(passes({2, 0, kMostMessageBytes, 0, 9, 7}));
  EXPECT_FALSE(passes({2, 0, kMostMessageBytes + 1, 0, 9, 7}));
  EXPECT_FALSE(passes({2, 0, 0x80000000U, 0, 9, 7}));
  EXPECT_FALSE(passes({2, 0, 0xffffffffU, 0, 9, 7}));
  EXPECT_FALSE(passes({4, 0, kMostCafBytes + 1, 0, 0, 7}));
  EXPECT_FALSE(passes({6, 0, 1, 0, 0, 0}));
}

TEST(CafFrames, RefusesAFrameWithoutThePayloadThatItNeeds) {
  EXPECT_FALSE(passes({2, 0, 0, 0, 9, 7}));
  EXPECT_FALSE(passes({4, 0, 0, 0, 0, 7}));
  EXPECT_FALSE(passes({5, 0, 0, 0, 9, 0}));
}

TEST(CafFrames, RefusesKindsThatNodesDoNotSend) {
  for (int operation = 0; operation < 256; ++operation) {
    if (operation == 2 || operation == 4 || operation == 5 || operation == 6) continue;
    EXPECT_FALSE(passes({static_cast<unsigned char>(operation), 0, 100, 0, 0, 7})) << operation;
  }
}

TEST(CafFrames, RefusesFlagsAndPaddingThatCafDoesNotUse) {
  EXPECT_FALSE(passes({2, 2, 100, 0, 9, 7}));
  EXPECT_FALSE(passes({4, 1, 30, 0, 0, 7}));
  Header padded;
  padded.padding = 1;
  EXPECT_FALSE(passes(padded));
}

TEST(CafFrames, RefusesAMessageBeforeTheHandshake) {
  EXPECT_FALSE(CafFrames(Side::kDialler).take(Header{}.bytes()).ok());
}

TEST(CafFrames, LetsADiallerSelectItsConnectionOnceAfterItsHandshake) {
  CafFrames frames = after_handshake();
  Header select = kClientHandshake;
  select.flags = 2;
  EXPECT_FALSE(CafFrames(Side::kDialler).take(select.bytes()).ok());
  EXPECT_TRUE(frames.take(select.bytes()).ok());
  EXPECT_FALSE(frames.take(select.bytes()).ok());
}

TEST(CafFrames, RefusesASecondHandshake) {
  EXPECT_FALSE(passes(kClientHandshake));
  CafFrames frames(Side::kListener);
  EXPECT_TRUE(frames.take(kServerHandshake.bytes()).ok());
  EXPECT_FALSE(frames.take(kServerHandshake.bytes()).ok());
}

TEST(CafFrames, RefusesTheOtherSidesHandshake) {
  EXPECT_FALSE(CafFrames(Side::kDialler).take(kServerHandshake.bytes()).ok());
  EXPECT_FALSE(CafFrames(Side::kListener).take(kClientHandshake.bytes()).ok());
  EXPECT_TRUE(CafFrames(Side::kListener).take(kServerHandshake.bytes()).ok());
}

TEST(CafFrames, RefusesAnotherVersionOfCaf) {
  Header other = kServerHandshake;
  other.data = 4;
  const auto refused = CafFrames(Side::kListener).take(other.bytes());
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("another version of CAF"), std::string::npos);
}

}  // namespace
}  // namespace troupe::control
