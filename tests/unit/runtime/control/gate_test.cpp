#include "runtime/control/gate.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/control/inbox.hpp"
#include "tests/unit/runtime/control/stranger.hpp"

namespace troupe::control {
namespace {

class GateTest : public ::testing::Test {
 protected:
  GateOptions options(std::chrono::milliseconds patience = std::chrono::minutes(5), std::size_t most = 64) {
    return {nullptr, patience, most,
            std::make_shared<Refusals>([this](const Refusal& refusal) { refused.put(refusal); })};
  }

  std::uint16_t open(Gate& gate) {
    auto listener = listen_on({"127.0.0.1", 0});
    const std::uint16_t port = port_of(listener->fd());
    gate.listen(std::move(*listener), [this](Connection connection) { admitted.put(std::move(connection)); });
    return port;
  }

  void dial(Gate& gate, std::uint16_t port) {
    gate.dial({"127.0.0.1", port}, "other", [this](Result<Connection> result) { dialled.put(std::move(result)); });
  }

  Inbox<Refusal> refused;
  Inbox<Connection> admitted;
  Inbox<Result<Connection>> dialled;
};

TEST_F(GateTest, LetsNodesThroughToEachOther) {
  Gate gate(options());
  dial(gate, open(gate));
  const auto there = admitted.take();
  const auto here = dialled.take();
  ASSERT_TRUE(there && here && here->ok());
  EXPECT_EQ((*here)->peer, "other");
  const std::string words = "frames";
  ASSERT_EQ(transmit((*here)->socket.fd(), words).bytes, words.size());
  char heard[6] = "";
  Moved moved;
  do moved = receive(there->socket.fd(), heard);
  while (moved.state == Moved::State::kNone);
  EXPECT_EQ(std::string(heard, moved.bytes), words);
}

TEST_F(GateTest, ClosesAStrangersConnectionWithoutAWord) {
  Gate gate(options());
  const Stranger stranger(open(gate));
  stranger.say(std::string("\x01", 1) + std::string(31, '\0'));
  EXPECT_EQ(stranger.hear_all(), "");
  const auto told = refused.take();
  ASSERT_TRUE(told);
  EXPECT_NE(told->why.find("no node's greeting"), std::string::npos) << told->why;
}

TEST_F(GateTest, ClosesTheConnectionOfWhoSaysNothing) {
  Gate gate(options(std::chrono::milliseconds(50)));
  const Stranger stranger(open(gate));
  EXPECT_EQ(stranger.hear_all(), "");
}

TEST_F(GateTest, ClosesTheConnectionOfWhoGreetsByHalf) {
  Gate gate(options(std::chrono::milliseconds(50)));
  const Stranger stranger(open(gate));
  stranger.say("Trou");
  EXPECT_EQ(stranger.hear_all(), "");
}

TEST_F(GateTest, LetsTheOldestGoWhenMoreComeThanMayWait) {
  Gate gate(options(std::chrono::minutes(5), 2));
  const std::uint16_t port = open(gate);
  const Stranger oldest(port);
  const Stranger second(port);
  const Stranger third(port);
  EXPECT_EQ(oldest.hear_all(), "");
  dial(gate, port);
  EXPECT_TRUE(admitted.take());
}

TEST_F(GateTest, SaysThatADialledPortIsNoNodes) {
  auto silent = listen_on({"127.0.0.1", 0});
  Gate gate(options(std::chrono::milliseconds(50)));
  dial(gate, port_of(silent->fd()));
  const auto result = dialled.take();
  ASSERT_TRUE(result && !result->ok());
  EXPECT_NE(result->error().message.find("did not answer the greeting"), std::string::npos) << result->error().message;
}

TEST_F(GateTest, SaysThatNobodyListens) {
  auto closed = listen_on({"127.0.0.1", 0});
  const std::uint16_t port = port_of(closed->fd());
  closed->close();
  Gate gate(options());
  dial(gate, port);
  const auto result = dialled.take();
  ASSERT_TRUE(result && !result->ok());
  EXPECT_NE(result->error().message.find("cannot be reached"), std::string::npos) << result->error().message;
}

TEST_F(GateTest, EndsItsDialsWhenItGoes) {
  auto silent = listen_on({"127.0.0.1", 0});
  {
    Gate gate(options());
    dial(gate, port_of(silent->fd()));
  }
  const auto result = dialled.take();
  ASSERT_TRUE(result && !result->ok());
  EXPECT_EQ(result->error().code, ErrorCode::kCancelled);
}

TEST(ListenOn, RefusesWhatIsNoAddress) { EXPECT_EQ(listen_on({"example.org", 0}).error().code, ErrorCode::kConfig); }

TEST(Refusals, AreToldAFewAtATimeAndAllCounted) {
  std::size_t told = 0;
  Refusals refusals([&](const Refusal&) { ++told; });
  for (int i = 0; i < 1000; ++i) refusals.report("10.0.0.9:1", "noise");
  EXPECT_GE(told, Refusals::kMostAtOnce);
  EXPECT_LT(told, 20u);
  EXPECT_EQ(refusals.count(), 1000u);
}

}  // namespace
}  // namespace troupe::control
