// Probes: the state machine on a hand-turned clock, and between two UCX links.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "runtime/link/prober.hpp"
#include "runtime/link/signal.hpp"
#include "tests/unit/runtime/link/ucx_fixture.hpp"

namespace troupe::link {
namespace {

constexpr PeerId kPeer{3};

class ProberTest : public testing::Test {
 protected:
  ProberTest()
      : prober({[this](PeerId, std::uint64_t value) { pings.push_back(value); },
                [this](PeerId, std::size_t bytes, std::function<void(Result<Pushed>)> done) {
                  flood = bytes;
                  sent = std::move(done);
                }}) {}
  void start() {
    prober.start(
        kPeer, [this](Result<Probe> result) { outcomes.push_back(std::move(result)); }, now);
  }
  /// Answers every ping after `round_trip` until the bytes are sent.
  void answer_all(std::chrono::nanoseconds round_trip) {
    while (!sent) {
      const std::uint64_t value = pings.back();
      now += round_trip;
      prober.heard_pong(kPeer, value, now);
    }
  }

  Prober::Time now{};
  std::vector<std::uint64_t> pings;
  std::size_t flood = 0;
  std::function<void(Result<Pushed>)> sent;
  std::vector<Result<Probe>> outcomes;
  Prober prober;
};

TEST_F(ProberTest, ReportsTheMedianRoundTripAndTheRateOfTheBytes) {
  start();
  now += 9ms;  // the first one pays for the wire-up
  prober.heard_pong(kPeer, pings.back(), now);
  answer_all(20us);
  EXPECT_EQ(flood, kProbeBytes);
  sent(Pushed{kProbeBytes, 4ms});
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0]->round_trip, 20us);
  EXPECT_EQ(outcomes[0]->bytes, kProbeBytes);
  EXPECT_DOUBLE_EQ(outcomes[0]->bytes_per_second, static_cast<double>(kProbeBytes) / 4e-3);
  EXPECT_FALSE(prober.waiting());
}

TEST_F(ProberTest, RefusesASecondOneToTheSamePeerAndLetsTheFirstGoOn) {
  start();
  start();
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].error().code, ErrorCode::kOverloaded);
  answer_all(1us);
  sent(Pushed{kProbeBytes, 1ms});
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_TRUE(outcomes[1].ok());
}

TEST_F(ProberTest, EndsWhenNoPongComesInTime) {
  start();
  prober.look_at(now + 1999ms);
  EXPECT_TRUE(outcomes.empty());
  prober.look_at(now + 2s);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].error().code, ErrorCode::kUnavailable);
}

TEST_F(ProberTest, IgnoresPongsOfWrongValueOfAnotherPeerAndRepeatedOnes) {
  start();
  prober.heard_pong(kPeer, pings.back() + 1, now);
  prober.heard_pong(PeerId{4}, pings.back(), now);
  EXPECT_EQ(pings.size(), 1u);
  prober.heard_pong(kPeer, pings.front(), now);
  prober.heard_pong(kPeer, pings.front(), now);
  EXPECT_EQ(pings.size(), 2u);
}

TEST_F(ProberTest, BytesOfAProbeThatEndedBeforeSayNothingOfALaterOne) {
  start();
  answer_all(1us);
  const auto late = std::exchange(sent, nullptr);
  prober.fail(kPeer, {ErrorCode::kUnavailable, "dropped"});
  start();
  answer_all(1us);
  late(Pushed{kProbeBytes, 1ms});
  EXPECT_EQ(outcomes.size(), 1u);
  sent(Error{ErrorCode::kUnavailable, "gone"});
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[1].error().message, "gone");
}

TEST(Signal, OneThatIsCutOrDamagedIsRefused) {
  const SignalBytes good = encode(Signal{Signal::Kind::kPong, 7, 9});
  const auto decoded = decode_signal(good);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->kind, Signal::Kind::kPong);
  EXPECT_EQ(decoded->link_id, 7u);
  EXPECT_EQ(decoded->value, 9u);
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(decode_signal(std::span(good).first(length)).ok()) << length;
  }
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    SignalBytes damaged = good;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(decode_signal(damaged).ok()) << bit;
  }
  EXPECT_FALSE(decode_signal(encode(Signal{Signal::Kind{99}, 7, 9})).ok());
}

class UcxProbeTest : public testing::TestWithParam<Transport> {
 protected:
  UcxProbeTest() : a(only(GetParam()), 4), b(only(GetParam()), 4) { b_of_a = introduce(a, b, GetParam()).b_of_a; }

  Node a;
  Node b;
  PeerId b_of_a;
};

TEST_P(UcxProbeTest, MeasuresAPeerAndWritesNowhere) {
  Heard<Result<Probe>> probed;
  a.link->probe(b_of_a, probed.callback());
  const auto probe = probed.get();
  ASSERT_TRUE(probe.ok()) << probe.error().message;
  EXPECT_GT(probe->round_trip, 0ns);
  EXPECT_GT(probe->bytes_per_second, 0);
  EXPECT_EQ(probe->bytes, kProbeBytes);
  EXPECT_TRUE(b.memory.untouched());
  EXPECT_EQ(b.link->counters().bytes_received, 0u);
  EXPECT_EQ(b.link->counters().pieces_refused, 0u);
}

TEST_P(UcxProbeTest, EndsWhenThePeerIsDropped) {
  Heard<Result<Probe>> probed;
  Heard<Result<Probe>> second;
  Heard<int> dropped;
  std::promise<void> all_asked;
  // The link's thread waits in this callback, so that the probe cannot end before the drop is asked for.
  a.link->probe(PeerId{99}, [asked = all_asked.get_future().share()](const Result<Probe>&) { asked.wait(); });
  a.link->probe(b_of_a, probed.callback());
  a.link->drop_peer(b_of_a, [done = dropped.callback()] { done(1); });
  a.link->probe(b_of_a, second.callback());
  all_asked.set_value();
  dropped.get();
  EXPECT_EQ(probed.get().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(second.get().error().code, ErrorCode::kUnavailable);
}

TEST_P(UcxProbeTest, EndsWithTheLink) {
  Heard<Result<Probe>> probed;
  b.link.reset();  // nobody answers
  a.link->probe(b_of_a, probed.callback());
  a.link.reset();
  EXPECT_EQ(probed.get().error().code, ErrorCode::kUnavailable);
}

INSTANTIATE_TEST_SUITE_P(Over, UcxProbeTest, testing::Values(Transport::kSharedMemory, Transport::kTcp), name_of);

}  // namespace
}  // namespace troupe::link
