// What a request's messages tell of its KV's way, and what they must have come after.
#include <gmock/gmock.h>

#include "actors/messages/transfers.hpp"

namespace troupe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Ticket kTicket{0x3fa2'0123'4567'89ab, 0xcdef};

trace::Message message(std::string node, std::string from, std::string to, std::string name, std::int64_t sent_ns,
                       std::string note = {}) {
  trace::Message made{std::move(node), std::move(name), std::move(from), std::move(to), sent_ns, 0, 0, std::move(note)};
  return made;
}

SendKv command() {
  SendKv send;
  auto spec = std::make_shared<RequestSpec>();
  spec->prompt.resize(600);
  send.spec = spec;
  send.generated = {1, 2};
  send.ticket = kTicket;
  send.blocks = 38;
  send.token_machine = MachineId{2};
  send.attempt = 1;
  return send;
}

KvPushed pushed(Result<link::Pushed> how) {
  return {RequestId{1}, kTicket, std::make_shared<const Result<link::Pushed>>(std::move(how))};
}

LandingEnded landed(Result<link::Arrival> how) {
  return {RequestId{1}, kTicket, std::make_shared<const Result<link::Arrival>>(std::move(how))};
}

TEST(TransferNotes, SayWhatTravelsWhereAndUnderWhichTicketWithoutGivingItAway) {
  EXPECT_EQ(transfer_note(command()), "transfer 3fa2: 602 tokens, KV of 38 blocks for m2, attempt 1");
  EXPECT_EQ(transfer_note(pushed(link::Pushed{1000, std::chrono::microseconds{350}})),
            "transfer 3fa2: 1000 bytes sent in 0.350 ms");
  EXPECT_EQ(transfer_note(landed(link::Arrival{kTicket, {}, 2000, std::chrono::microseconds{1500}})),
            "transfer 3fa2: 2000 bytes arrived, 1.500 ms from the first piece to the last");
  EXPECT_THAT(transfer_note(landed(Error{ErrorCode::kInvalidInput, "a checksum failed"})),
              HasSubstr("checksum failed"));
  EXPECT_THAT(transfer_note(command()), Not(HasSubstr("89ab")));
}

trace::RequestTrace split_request() {
  trace::RequestTrace trace;
  trace.messages = {
      message("prompt0", "neighbours", "kv_sender", "SendKv", 100, transfer_note(command())),
      message("prompt0", "outside", "kv_sender", "KvPushed", 200, transfer_note(pushed(link::Pushed{1000, {}}))),
      message("prompt0", "prompt", "remote_requests", "TokenProduced", 250),
      message("prompt0", "outside", "kv_sender", "KvPushed", 280, transfer_note(pushed(link::Pushed{500, {}}))),
      message("token0", "outside", "neighbours", "LandingEnded", 300,
              transfer_note(landed(link::Arrival{kTicket, {}, 1500, {}})))};
  return trace;
}

TEST(Transfers, AreJoinedFromWhatBothNodesTold) {
  auto trace = split_request();
  find_transfers(trace);
  ASSERT_EQ(trace.transfers.size(), 1u);
  const auto& transfer = trace.transfers[0];
  EXPECT_EQ(transfer.from, "prompt0");
  EXPECT_EQ(transfer.to, "token0");
  EXPECT_EQ(transfer.groups, 2);
  EXPECT_EQ(transfer.bytes, 1500);
  EXPECT_EQ(transfer.began_ns, 100);
  EXPECT_EQ(transfer.first_token_ns, 250);
  EXPECT_EQ(transfer.ended_ns, 300);
  EXPECT_TRUE(transfer.arrived);
  EXPECT_THAT(as_text(trace), HasSubstr("KV from prompt0 to token0: 0.002 MB in 2 groups of layers"));
  EXPECT_THAT(as_json(trace), HasSubstr(R"("exposed_tail_us":0.05)"));
}

TEST(Transfers, CountNothingTwiceWhereTheSenderHearsOfTheEndLast) {
  auto trace = split_request();
  std::swap(trace.messages[3], trace.messages[4]);
  find_transfers(trace);
  ASSERT_EQ(trace.transfers.size(), 1u);
  EXPECT_EQ(trace.transfers[0].bytes, 1500);
  EXPECT_EQ(trace.transfers[0].groups, 2);
}

TEST(Transfers, ThatFailedSayWhy) {
  auto trace = split_request();
  trace.messages.back().note = transfer_note(landed(Error{ErrorCode::kUnavailable, "the peer was dropped"}));
  find_transfers(trace);
  ASSERT_EQ(trace.transfers.size(), 1u);
  EXPECT_FALSE(trace.transfers[0].arrived);
  EXPECT_THAT(as_text(trace), HasSubstr("the peer was dropped"));
}

TEST(Transfers, OfANodeThatIsGoneAreKnownByTheirLanding) {
  auto trace = split_request();
  trace.messages.erase(trace.messages.begin(), trace.messages.end() - 1);
  find_transfers(trace);
  ASSERT_EQ(trace.transfers.size(), 1u);
  EXPECT_EQ(trace.transfers[0].bytes, 1500);
  EXPECT_EQ(trace.transfers[0].from, "");
  EXPECT_EQ(trace.transfers[0].first_token_ns, -1);
}

TEST(Transfers, AreNotMadeUpFromOtherNotes) {
  trace::RequestTrace trace;
  for (const char* note :
       {"", "transfer", "transfer zz: 1 bytes", "transfer 12", "transfer 3fa2: 99999999999999999999 bytes"})
    trace.messages.push_back(message("a", "outside", "kv_sender", "KvPushed", 1, note));
  find_transfers(trace);
  ASSERT_EQ(trace.transfers.size(), 1u);  // the last has a ticket, and no number that means anything
  EXPECT_EQ(trace.transfers[0].bytes, 0);
}

trace::RequestTrace contradiction(std::int64_t error_ns) {
  trace::RequestTrace trace;
  trace.clocks = {{"token0", 5'000, error_ns}};
  trace.messages = {message("front", "remote_token", "neighbours", "AdmitElsewhere", 1'000),
                    message("token0", "neighbours", "token", "AdmitRequest", 400),
                    message("token0", "token", "pool", "ReserveBlocks", 500)};
  return trace;
}

TEST(Causes, MoveANodesTimesWhereItsClockMayBeWrongByThatMuch) {
  auto trace = contradiction(700);
  heed_causes(trace);
  EXPECT_EQ(trace.messages[0].name, "AdmitElsewhere");
  EXPECT_EQ(trace.messages[1].sent_ns, 1'001);
  EXPECT_EQ(trace.messages[2].sent_ns, 1'101);  // with the others of its node
  EXPECT_EQ(trace.clocks[0].moved_ns, 601);
  EXPECT_THAT(as_text(trace), HasSubstr("moved by"));
}

TEST(Causes, MoveNothingFurtherThanTheClocksError) {
  auto trace = contradiction(100);
  heed_causes(trace);
  EXPECT_EQ(trace.clocks[0].moved_ns, 100);
}

TEST(Causes, MoveNothingWhereNothingContradictsThem) {
  auto trace = contradiction(700);
  trace.messages[1].sent_ns = 1'200;
  trace.messages[2].sent_ns = 1'300;
  heed_causes(trace);
  EXPECT_EQ(trace.clocks[0].moved_ns, 0);
}

TEST(Causes, AreNotGuessedWhereMessagesAreMissing) {
  auto trace = contradiction(700);
  trace.messages.push_back(message("front", "remote_token", "neighbours", "AdmitElsewhere", 1'500));
  heed_causes(trace);
  EXPECT_EQ(trace.clocks[0].moved_ns, 0);
}

TEST(Moves, AreToldWithWhatMadeTheRequestLeave) {
  trace::RequestTrace trace;
  trace.messages = {
      message("front", "policy", "router", "RouteDecided", 1'000'000, "splitwise: tokens on m2\ncandidates"),
      message("token0", "token", "remote_requests", "RequestFailed", 1'500'000, "elsewhere"),
      message("front", "router", "request", "MachineLost", 2'000'000, "m2 left; attempt 0 is over"),
      message("front", "policy", "router", "RouteDecided", 2'500'000, "splitwise: tokens on m3\ncandidates")};
  EXPECT_EQ(moves_of(trace),
            "The request moved:\n"
            "attempt 0 at 1.000 ms: splitwise: tokens on m2\n"
            "attempt 1 at 2.500 ms: splitwise: tokens on m3 (before: m2 left; attempt 0 is over)\n");
}

TEST(Moves, AreNotSpokenOfWhereThereWereNone) {
  trace::RequestTrace trace;
  trace.messages = {message("front", "policy", "router", "RouteDecided", 1, "splitwise: tokens on m2")};
  EXPECT_EQ(moves_of(trace), "");
}

}  // namespace
}  // namespace troupe
