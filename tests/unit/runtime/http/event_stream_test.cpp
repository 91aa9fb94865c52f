#include "runtime/http/event_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace troupe::http {
namespace {

using testing::ElementsAre;

std::vector<std::string> events_of(std::string_view text, std::size_t piece) {
  EventReader reader;
  std::vector<std::string> out;
  while (!text.empty()) {
    EXPECT_TRUE(reader.feed(text.substr(0, piece), [&](std::string_view event) { out.emplace_back(event); }));
    text.remove_prefix(std::min(piece, text.size()));
  }
  return out;
}

TEST(EventReader, GivesTheDataOfEachEventWhateverThePieces) {
  const std::string text =
      "data: {\"a\":1}\n\n: ping\n\nevent: x\ndata:b\r\ndata:  c\r\n\r\nid: 3\n\ndata: [DONE]\n\ndata: cut";
  for (const std::size_t piece : {1, 2, 3, 7, 1000})
    EXPECT_THAT(events_of(text, piece), ElementsAre("{\"a\":1}", "b\n c", "[DONE]")) << piece;
}

TEST(EventReader, TellsAnEmptyEventFromNone) { EXPECT_THAT(events_of("data:\n\n\n\n", 1), ElementsAre("")); }

TEST(EventReader, FailsForGoodPastItsBound) {
  EventReader reader(10);
  const auto ignore = [](std::string_view) {};
  EXPECT_TRUE(reader.feed("data: 1234\n", ignore));
  EXPECT_FALSE(reader.feed("data: 123456\n", ignore));
  EXPECT_FALSE(reader.feed("\n", ignore));
}

TEST(LineReader, KeepsWhatFollowsTheLastLineEnd) {
  LineReader reader;
  std::vector<std::string> lines;
  EXPECT_TRUE(reader.feed("a\r\n\nb\nc", [&](std::string_view line) { lines.emplace_back(line); }));
  EXPECT_THAT(lines, ElementsAre("a", "", "b"));
  EXPECT_EQ(reader.rest(), "c");
}

}  // namespace
}  // namespace troupe::http
