// The rules of a landing, without a transport.
#include "runtime/link/landing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/link/sending.hpp"
#include "tests/unit/runtime/link/slab_fixture.hpp"

namespace troupe::link {
namespace {

using testing::HasSubstr;
using Progress = LandingState::Progress;

class LandingTest : public testing::Test {
 protected:
  LandingTest() {
    from.fill(1);
    push.ticket = {1, 2};
    push.blocks = block_range(0, 4);
    push.layers = 3;
    push.last = true;
  }
  LandingState landing(std::vector<BlockId> blocks) {
    return LandingState({push.ticket, PeerId{1}, SlabId{0}, std::move(blocks)}, to.slab(), true);
  }
  /// The push as pieces of `piece_bytes`, with bytes and checksums.
  struct Piece {
    PieceHeader header;
    std::vector<std::byte> bytes;
  };
  std::vector<Piece> pieces(std::size_t piece_bytes) {
    std::vector<Piece> all;
    for (const Cut& part : cut(push, from.layout, piece_bytes)) {
      Piece piece{header_of(push, part), std::vector<std::byte>(part.bytes)};
      gather(push, from.slab(), part, piece.bytes);
      piece.header.checked = true;
      piece.header.checksum = checksum_of(piece.bytes);
      all.push_back(std::move(piece));
    }
    all.back().header.pieces = static_cast<std::uint32_t>(all.size());
    return all;
  }

  TestSlab from{8};
  TestSlab to{10};
  Push push;
};

TEST_F(LandingTest, PiecesInReverseOrderCompleteItWithTheLastToCome) {
  push.note = {std::byte{9}};
  const auto blocks = troupe::link::blocks({9, 3, 4, 0});
  auto state = landing(blocks);
  auto all = pieces(64 * 1024);
  ASSERT_EQ(all.size(), 7u);
  std::reverse(all.begin(), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(state.admit(all[i].header, std::chrono::nanoseconds(100 + i)).ok());
    const auto progress = state.write(all[i].header, all[i].bytes, std::chrono::nanoseconds(200 + i));
    ASSERT_TRUE(progress.ok());
    EXPECT_EQ(*progress, i + 1 == all.size() ? Progress::kComplete : Progress::kMore);
  }
  EXPECT_TRUE(same_blocks(from, push.blocks, to, blocks));
  const Arrival arrival = state.arrival();
  EXPECT_EQ(arrival.note, push.note);
  EXPECT_EQ(arrival.first_to_last.count(), 106);
}

TEST_F(LandingTest, ALastPieceWhoseElderIsStillUnderWayWaitsForIt) {
  auto state = landing(block_range(0, 4));
  const auto all = pieces(192 * 1024);
  ASSERT_EQ(all.size(), 3u);
  for (const auto& piece : all) ASSERT_TRUE(state.admit(piece.header, {}).ok());
  EXPECT_EQ(*state.write(all[2].header, all[2].bytes, {}), Progress::kMore);
  EXPECT_EQ(*state.write(all[0].header, all[0].bytes, {}), Progress::kMore);
  EXPECT_EQ(*state.write(all[1].header, all[1].bytes, {}), Progress::kComplete);
}

TEST_F(LandingTest, HolesAreAnErrorOnceEveryAnnouncedPieceIsWritten) {
  push.layers = 2;
  auto state = landing(block_range(0, 4));
  const auto all = pieces(128 * 1024);
  ASSERT_EQ(all.size(), 2u);
  for (const auto& piece : all) ASSERT_TRUE(state.admit(piece.header, {}).ok());
  EXPECT_EQ(*state.write(all[1].header, all[1].bytes, {}), Progress::kMore);
  const auto end = state.write(all[0].header, all[0].bytes, {});
  ASSERT_FALSE(end.ok());
  EXPECT_THAT(end.error().message, HasSubstr("4 of 12"));
  EXPECT_FALSE(state.damaged());
}

TEST_F(LandingTest, APlaceIsClaimedOnceEvenBeforeItIsWritten) {
  auto state = landing(block_range(0, 4));
  const auto all = pieces(128 * 1024);
  ASSERT_TRUE(state.admit(all[0].header, {}).ok());
  EXPECT_THAT(state.admit(all[0].header, {}).error().message, HasSubstr("twice"));
  EXPECT_TRUE(to.untouched());
}

TEST_F(LandingTest, APartlyOverlappingPieceClaimsNothing) {
  auto state = landing(block_range(0, 4));
  const auto all = pieces(128 * 1024);
  ASSERT_TRUE(state.admit(all[1].header, {}).ok());
  PieceHeader both = all[0].header;
  both.layers = 2;
  both.bytes *= 2;
  EXPECT_FALSE(state.admit(both, {}).ok());
  EXPECT_TRUE(state.admit(all[0].header, {}).ok());
}

TEST_F(LandingTest, ADamagedPieceWritesNothing) {
  auto state = landing(block_range(0, 4));
  auto all = pieces(16 << 20);
  ASSERT_TRUE(state.admit(all[0].header, {}).ok());
  all[0].bytes[17] ^= std::byte{1};
  EXPECT_FALSE(state.write(all[0].header, all[0].bytes, {}).ok());
  EXPECT_TRUE(state.damaged());
  EXPECT_TRUE(to.untouched());
}

TEST_F(LandingTest, SharedBytesLandAndTheirNoteToo) {
  push.note = {std::byte{9}};
  const auto blocks = troupe::link::blocks({9, 3, 4, 0});
  auto state = landing(blocks);
  Progress progress = Progress::kMore;
  for (const Piece& piece : pieces(64 * 1024)) {
    ASSERT_TRUE(state.admit(piece.header, {}).ok());
    const auto written = state.write_shared(piece.header, piece.bytes, {});
    ASSERT_TRUE(written.ok()) << written.error().message;
    progress = *written;
  }
  EXPECT_EQ(progress, Progress::kComplete);
  EXPECT_TRUE(same_blocks(from, push.blocks, to, blocks));
  EXPECT_EQ(state.arrival().note, push.note);
}

TEST_F(LandingTest, DamagedSharedBytesEndItAndTouchNoOtherBlocks) {
  auto state = landing(block_range(2, 4));
  auto piece = pieces(std::size_t{1} << 20).front();
  ASSERT_TRUE(state.admit(piece.header, {}).ok());
  piece.bytes[77] ^= std::byte{1};
  const auto written = state.write_shared(piece.header, piece.bytes, {});
  EXPECT_EQ(written.error().code, ErrorCode::kInvalidInput);
  EXPECT_TRUE(state.damaged());
  for (std::int64_t layer = 0; layer < to.layout.layers; ++layer) {
    for (const std::uint32_t block : {0U, 1U, 6U, 7U, 8U, 9U}) {
      for (const std::byte byte : to.at(layer, BlockId{block})) ASSERT_EQ(byte, std::byte{0});
    }
  }
}

TEST_F(LandingTest, RectanglesOutsideTheLandingAreRefusedWhateverTheirNumbers) {
  auto state = landing(block_range(0, 4));
  const PieceHeader good = pieces(16 << 20)[0].header;
  constexpr std::uint32_t kMost = 0xffffffff;
  for (const std::uint32_t number : {1U, 5U, 0x80000000U, kMost}) {
    PieceHeader bad = good;
    bad.first_place = number;
    EXPECT_FALSE(state.admit(bad, {}).ok()) << number;
    bad = good;
    bad.first_layer = number;
    EXPECT_FALSE(state.admit(bad, {}).ok()) << number;
    bad = good;
    bad.places = bad.first_place = number;
    EXPECT_FALSE(state.admit(bad, {}).ok()) << number;
    bad = good;
    bad.layers = number;
    EXPECT_FALSE(state.admit(bad, {}).ok()) << number;
    bad = good;
    bad.bytes += number;
    EXPECT_FALSE(state.admit(bad, {}).ok()) << number;
  }
  EXPECT_TRUE(state.admit(good, {}).ok());
}

TEST_F(LandingTest, ASecondLastPieceIsRefused) {
  auto state = landing(block_range(0, 4));
  const auto all = pieces(128 * 1024);
  PieceHeader end = all[0].header;
  end.last = true;
  end.pieces = 3;
  ASSERT_TRUE(state.admit(end, {}).ok());
  EXPECT_THAT(state.admit(all[2].header, {}).error().message, HasSubstr("last"));
}

TEST_F(LandingTest, HeadersSurviveTheirEncoding) {
  PieceHeader header = pieces(128 * 1024)[2].header;
  header.link_id = 77;
  const PieceHeader back = decode(encode(header)).value();
  EXPECT_EQ(back.link_id, 77u);
  EXPECT_EQ(back.ticket, push.ticket);
  EXPECT_EQ(back.first_layer, 2u);
  EXPECT_EQ(back.places, 4u);
  EXPECT_EQ(back.layers, 1u);
  EXPECT_EQ(back.bytes, header.bytes);
  EXPECT_EQ(back.checksum, header.checksum);
  EXPECT_TRUE(back.last && back.checked && !back.note);
}

TEST_F(LandingTest, HeadersThatContradictThemselvesAreNoHeaders) {
  const PieceHeader good = pieces(128 * 1024)[0].header;
  std::vector<PieceHeader> bad(6, good);
  bad[0].places = 0;
  bad[1].layers = 0;
  bad[2].note = true;
  bad[3].pieces = 4;   // a count that belongs to the last piece
  bad[4].last = true;  // a last piece without its count
  bad[5].bytes = kMostPieceBytes + 1;
  for (const auto& header : bad) EXPECT_FALSE(decode(encode(header)).ok());
  PieceHeader note;
  note.note = note.last = true;
  note.pieces = 1;
  note.bytes = kMostNoteBytes + 1;
  EXPECT_FALSE(decode(encode(note)).ok());
  note.bytes = kMostNoteBytes;
  EXPECT_TRUE(decode(encode(note)).ok());
}

TEST_F(LandingTest, CutsCoverAPushOnceAtEveryPieceSize) {
  push.blocks = troupe::link::blocks({6, 2, 3, 4, 1});
  push.first_place = 3;
  for (const std::size_t piece_bytes : {1, 40'000, 70'000, 200'000, 400'000, 16 << 20}) {
    std::vector<int> seen(15);
    for (const Cut& part : cut(push, from.layout, piece_bytes)) {
      const PieceHeader header = header_of(push, part);
      EXPECT_LE(part.bytes, std::max(piece_bytes, from.layout.layer_block_bytes()));
      for (std::uint32_t layer = 0; layer < header.layers; ++layer) {
        for (std::uint32_t place = 0; place < header.places; ++place) {
          ++seen[(header.first_layer + layer) * 5 + header.first_place - 3 + place];
        }
      }
    }
    EXPECT_THAT(seen, testing::Each(1)) << piece_bytes;
  }
}

TEST_F(LandingTest, NeighboursInOneLayerAreOneRunAndOthersAreNot) {
  push.blocks = troupe::link::blocks({2, 3, 4});
  push.layers = 1;
  const Cut run = cut(push, from.layout, 16 << 20)[0];
  const auto bytes = one_run(push, from.slab(), run);
  ASSERT_TRUE(bytes);
  std::vector<std::byte> packed(run.bytes);
  gather(push, from.slab(), run, packed);
  EXPECT_TRUE(std::equal(packed.begin(), packed.end(), bytes->begin(), bytes->end()));
  push.blocks = troupe::link::blocks({2, 4, 3});
  EXPECT_FALSE(one_run(push, from.slab(), cut(push, from.layout, 16 << 20)[0]));
  push.blocks = troupe::link::blocks({2, 3, 4});
  push.layers = 2;
  EXPECT_FALSE(one_run(push, from.slab(), cut(push, from.layout, 16 << 20)[0]));
}

}  // namespace
}  // namespace troupe::link
