#include "actors/request/stop_strings.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

/// All that comes out when `text` goes in in pieces of `piece` bytes.
std::string through(StopStrings& stops, const std::string& text, std::size_t piece) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += piece) out += stops.push(text.substr(i, piece));
  return stops.found() ? out : out + stops.finish();
}

TEST(StopStrings, text_without_a_stop_passes_whole) {
  for (const std::size_t piece : {1u, 2u, 5u, 100u}) {
    StopStrings stops({"END", "STOP"}, false);
    EXPECT_EQ(through(stops, "the ENd is STO near EN", piece), "the ENd is STO near EN");
    EXPECT_FALSE(stops.found());
  }
}

TEST(StopStrings, nothing_from_the_stop_on_comes_out) {
  for (const std::size_t piece : {1u, 3u, 100u}) {
    StopStrings stops({"END"}, false);
    EXPECT_EQ(through(stops, "before ENEND after", piece), "before EN");
    EXPECT_EQ(stops.found(), "END");
  }
}

TEST(StopStrings, the_stop_comes_out_where_it_is_to_be_included) {
  StopStrings stops({"END"}, true);
  EXPECT_EQ(through(stops, "before END after", 1), "before END");
}

TEST(StopStrings, the_one_that_ends_first_wins) {
  StopStrings stops({"bcdefg", "de"}, false);
  EXPECT_EQ(through(stops, "abcdefgh", 100), "abc");
  EXPECT_EQ(stops.found(), "de");
}

TEST(StopStrings, what_comes_out_does_not_depend_on_the_pieces) {
  RandomStream random(7);
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) text += static_cast<char>('a' + random.below(3));
    const std::vector<std::string> wanted = {"abca", "bb", "cab"};
    StopStrings whole(wanted, round % 2 == 0);
    const std::string expected = through(whole, text, text.size());
    for (const std::size_t piece : {1u, 2u, 3u, 7u}) {
      StopStrings stops(wanted, round % 2 == 0);
      EXPECT_EQ(through(stops, text, piece), expected) << text;
      EXPECT_EQ(stops.found(), whole.found()) << text;
    }
  }
}

}  // namespace
}  // namespace troupe
