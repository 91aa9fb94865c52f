#include "runtime/http/chunked.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe::http {
namespace {

using Status = ChunkDecoder::Status;

Status decode(std::string_view text, std::string& out, std::uint64_t limit = 100,
              ChunkDecoder::Extras extras = ChunkDecoder::Extras::kRefuse) {
  ChunkDecoder decoder(limit, extras);
  return decoder.feed(text, out);
}

TEST(ChunkDecoder, JoinsChunksAndLeavesWhatFollows) {
  ChunkDecoder decoder(100, ChunkDecoder::Extras::kRefuse);
  std::string_view in = "5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\nGET";
  std::string out;
  EXPECT_EQ(decoder.feed(in, out), Status::kDone);
  EXPECT_EQ(out, "hello0123456789");
  EXPECT_EQ(in, "GET");
}

TEST(ChunkDecoder, RefusesSizesThatOtherParsersReadDifferently) {
  for (const char* bad :
       {"-2\r\nab\r\n", "+2\r\nab\r\n", "0x2\r\nab\r\n", " 2\r\nab\r\n", "2 \r\nab\r\n", "\r\n", "g\r\n", "2\nab\r\n",
        "2\rXab", "2;a=b\r\nab\r\n", "2;\nab", "000000002\r\nab\r\n", "fffffffffffffffff\r\n", "2\r\nabc\r\n",
        "2\r\nab\n", "2\r\nab\r\r", "0\r\nTrailer: x\r\n\r\n", "0\r\n\n", "0\n\n"}) {
    std::string out;
    EXPECT_EQ(decode(bad, out, 0xffffffff), Status::kMalformed) << bad;
  }
}

TEST(ChunkDecoder, RefusesTooMuchBeforeItsDataCome) {
  std::string out;
  EXPECT_EQ(decode("64\r\n", out), Status::kMore);
  EXPECT_EQ(decode("65\r\n", out), Status::kTooLarge);
  EXPECT_EQ(decode("ffffffff\r\n", out), Status::kTooLarge);
  EXPECT_EQ(decode("3\r\nabc\r\n2\r\n", out, 4), Status::kTooLarge);
  EXPECT_EQ(decode("3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", out, 4), Status::kDone);
}

TEST(ChunkDecoder, PassesOverABoundedAmountOfExtrasWhereAsked) {
  std::string out;
  EXPECT_EQ(decode("2;a=\"b\"\r\nab\r\n0\r\nT: x\r\n\r\n", out, 10, ChunkDecoder::Extras::kIgnore), Status::kDone);
  EXPECT_EQ(out, "ab");
  EXPECT_EQ(decode("2;" + std::string(9000, 'x'), out, 10, ChunkDecoder::Extras::kIgnore), Status::kMalformed);
}

TEST(ChunkDecoder, SeesTheSameInOnePieceAndByteByByte) {
  const std::string alphabet = "0123\r\n\r\n;a-x";
  RandomStream random(3);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto left = 1 + random.below(30); left > 0; --left) text += alphabet[random.below(alphabet.size())];
    if (random.below(2) == 0) text = "2\r\nab\r\n" + text;
    std::string at_once, in_pieces;
    ChunkDecoder whole(20, ChunkDecoder::Extras::kRefuse), pieces(20, ChunkDecoder::Extras::kRefuse);
    std::string_view rest = text;
    const auto expected = whole.feed(rest, at_once);
    auto seen = Status::kMore;
    for (std::size_t i = 0; i < text.size() && seen == Status::kMore; ++i) {
      std::string_view one(text.data() + i, 1);
      seen = pieces.feed(one, in_pieces);
    }
    ASSERT_EQ(expected, seen) << testing::PrintToString(text);
    ASSERT_EQ(at_once, in_pieces);
  }
}

TEST(MakeChunk, IsReadBackByTheDecoder) {
  std::string out;
  const std::string data(300, 'z');
  EXPECT_EQ(decode(make_chunk(data) + std::string(kLastChunk), out, 300), Status::kDone);
  EXPECT_EQ(out, data);
}

}  // namespace
}  // namespace troupe::http
