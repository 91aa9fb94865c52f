#include "runtime/control/caf_port.hpp"

#include <future>

#include <gtest/gtest.h>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include "runtime/control/greeting.hpp"
#include "tests/unit/runtime/control/stranger.hpp"

namespace troupe::control {
namespace {

struct MiddlemanConfig : caf::actor_system_config {
  MiddlemanConfig() {
    load<caf::io::middleman>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
  }
};

/// Says how long a text is.
class Measurer final : public caf::event_based_actor {
 public:
  explicit Measurer(caf::actor_config& config) : event_based_actor(config) {}

 protected:
  caf::behavior make_behavior() override {
    return {[](const std::string& text) { return text.size(); }};
  }
};

/// A process's actors with a control port. It publishes a Measurer.
class TestNode {
 public:
  TestNode() : system_(config_) {
    GateOptions options;
    options.refusals = refusals;
    port_ = std::make_unique<CafPort>(system_, std::move(options));
    measurer_ = system_.spawn<Measurer>();
    number = *port_->publish({"127.0.0.1", 0}, caf::actor_cast<caf::strong_actor_ptr>(measurer_));
  }
  ~TestNode() { caf::anon_send_exit(measurer_, caf::exit_reason::user_shutdown); }

  Result<caf::strong_actor_ptr> dial(std::uint16_t other) {
    std::promise<Result<caf::strong_actor_ptr>> reached;
    port_->dial({"127.0.0.1", other}, "other", [&](auto result) { reached.set_value(std::move(result)); });
    return reached.get_future().get();
  }

  std::size_t ask(const caf::strong_actor_ptr& measurer, std::string text) {
    caf::scoped_actor self{system_};
    std::size_t answer = 0;
    self->request(caf::actor_cast<caf::actor>(measurer), std::chrono::seconds(20), std::move(text))
        .receive([&](std::size_t size) { answer = size; }, [](caf::error&) {});
    return answer;
  }

  std::uint16_t number = 0;
  std::shared_ptr<Refusals> refusals = std::make_shared<Refusals>(nullptr);

 private:
  MiddlemanConfig config_;
  caf::actor_system system_;
  std::unique_ptr<CafPort> port_;
  caf::actor measurer_;
};

std::string greeted(const std::string& bytes) {
  const Greeting words = greeting_of(Side::kDialler);
  return std::string(words.begin(), words.end()) + bytes;
}

std::string header(char operation, const std::string& length) {
  return std::string(1, operation) + std::string(3, '\0') + length + std::string(24, '\0');
}

TEST(CafPort, CarriesMessagesBetweenNodes) {
  TestNode server;
  TestNode client;
  const auto reached = client.dial(server.number);
  ASSERT_TRUE(reached.ok()) << reached.error().message;
  EXPECT_EQ(client.ask(*reached, "four"), 4u);
}

TEST(CafPort, CarriesTheLargestFrame) {
  TestNode server;
  TestNode client;
  const auto reached = client.dial(server.number);
  ASSERT_TRUE(reached.ok()) << reached.error().message;
  EXPECT_EQ(client.ask(*reached, std::string(16 << 20, 'x')), std::size_t{16} << 20);
}

TEST(CafPort, ReachesTheSameActorOverASecondConnection) {
  TestNode server;
  TestNode client;
  const auto first = client.dial(server.number);
  const auto second = client.dial(server.number);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(client.ask(*second, "four"), 4u);
}

TEST(CafPort, SaysThatNobodyIsThere) {
  TestNode client;
  EXPECT_EQ(client.dial(1).error().code, ErrorCode::kUnavailable);
}

TEST(CafPort, OutlivesTheBytesThatEndCaf) {
  TestNode server;
  const Stranger ungreeted(server.number);
  ungreeted.say(header(1, std::string(4, '\0')));
  EXPECT_EQ(ungreeted.hear_all(), "");
  const Stranger greets(server.number);
  greets.say(greeted(header(1, std::string(4, '\0'))));
  EXPECT_EQ(greets.hear_all().find("(still open)"), std::string::npos);
  TestNode client;
  const auto reached = client.dial(server.number);
  ASSERT_TRUE(reached.ok()) << reached.error().message;
  EXPECT_EQ(client.ask(*reached, "four"), 4u);
}

TEST(CafPort, ClosesTheConnectionOfWhoGreetsAndForgesLengths) {
  TestNode server;
  for (const char operation : {'\x01', '\x02', '\x03', '\x04', '\x05', '\x06', '\x07'}) {
    const Stranger stranger(server.number);
    stranger.say(greeted(header(operation, "\xff\xff\xff\xff")));
    EXPECT_EQ(stranger.hear_all().find("(still open)"), std::string::npos) << int{operation};
  }
  EXPECT_EQ(server.refusals->count(), 7u);
}

}  // namespace
}  // namespace troupe::control
