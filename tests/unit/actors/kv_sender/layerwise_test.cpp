#include <gtest/gtest.h>

#include "actors/kv_sender/kv_sender.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kTokenBytes = 46080;  // SmolLM2-135M in f32

link::Probe way(std::chrono::nanoseconds round_trip, double bytes_per_second) {
  return {round_trip, bytes_per_second, link::kProbeBytes};
}

TEST(Layerwise, PaysWhereWhatIsHiddenTakesLongerThanTheMessages) {
  // Six times 150 us against five sixths of the bytes: 2.16 MB, or 46.9 tokens.
  EXPECT_EQ(layerwise_from(way(100us, 2e9), kTokenBytes, 6), 48);
  EXPECT_EQ(layerwise_from(way(1ms, 2e9), kTokenBytes, 6), 192);
}

TEST(Layerwise, PaysSoonerOnASlowerLinkAndLaterForSmallerTokens) {
  EXPECT_LT(layerwise_from(way(1ms, 1e8), kTokenBytes, 6), layerwise_from(way(1ms, 1e9), kTokenBytes, 6));
  EXPECT_LT(layerwise_from(way(1ms, 1e9), kTokenBytes, 6), layerwise_from(way(1ms, 1e9), kTokenBytes / 8, 6));
}

TEST(Layerwise, IsBoundedWhateverWasMeasured) {
  EXPECT_EQ(layerwise_from(way(0ns, 1e9), kTokenBytes, 6), 16);
  EXPECT_EQ(layerwise_from(way(1ms, 1e18), kTokenBytes, 6), kMostLayerwiseFrom);
  EXPECT_EQ(layerwise_from(way(1ms, 1e9), kTokenBytes, 1), kMostLayerwiseFrom);
}

}  // namespace
}  // namespace troupe
