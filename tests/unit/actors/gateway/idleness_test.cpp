// When the gateway takes the node for idle, under a virtual clock and without a server.
#include <gtest/gtest.h>
#include <caf/send.hpp>

#include "actors/gateway/gateway.hpp"
#include "runtime/exec/system.hpp"
#include "runtime/http/link.hpp"
#include "tests/unit/runtime/openai/byte_model.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;

/// A completion that ends when it is told to.
class HeldWorker final : public exec::Actor<CancellableActor::base> {
 public:
  HeldWorker(caf::actor_config& config, RequestId request, RequesterActor requester)
      : Actor(config), request_(request), requester_(std::move(requester)) {}

 protected:
  CancellableActor::behavior_type make_behavior() override {
    return {[this](const CancelCompletion&) {
      send(requester_, RequestEnded{request_, FinishReason::kCancelled, {}, {}, 0, 0});
      quit();
    }};
  }
  void on_exit() override { requester_ = nullptr; }

 private:
  RequestId request_;
  RequesterActor requester_;
};

class Idleness : public testing::Test {
 protected:
  Idleness() {
    auto options = std::make_shared<GatewayOptions>();
    options->model = std::make_shared<const openai::ServedModel>(openai::byte_model());
    options->start_request = [this](std::shared_ptr<const RequestSpec> spec,
                                    RequesterActor requester) -> CancellableActor {
      workers.push_back(system.spawn<HeldWorker>(spec->id, std::move(requester)));
      return workers.back();
    };
    options->next_request_id = [this] { return RequestId{++ids}; };
    options->unix_seconds = [] { return std::int64_t{1700000001}; };
    options->on_idle = [this] { ++idle; };
    options->idle_after = milliseconds{1000};
    const auto routes = gateway_routes(*options);
    while (routes.at(completions).kind != GatewayRoute::kCompletions) ++completions;
    gateway = system.spawn<Gateway>(std::move(options));
  }

  void begin_call() {
    http::Request request;
    request.route = completions;
    request.body = R"({"prompt":"x"})";
    auto link = std::make_shared<http::Link>(port, std::weak_ptr<http::Connection>{}, 1024);
    caf::anon_send(gateway, HttpArrived{std::make_shared<http::Exchange>(std::move(request), std::move(link))});
    system.settle();
  }
  void end_call(std::size_t number) {
    caf::anon_send(workers.at(number), CancelCompletion{RequestId{number + 1}});
    system.settle();
  }

  boost::asio::io_context io;  // never runs: nobody reads the answers
  std::shared_ptr<http::Port> port = std::make_shared<http::Port>(io);
  exec::VirtualSystem system;
  std::vector<CancellableActor> workers;
  std::uint64_t ids = 0;
  std::size_t completions = 0;
  GatewayActor gateway;
  int idle = 0;
};

TEST_F(Idleness, is_told_once_a_second_after_the_last_call) {
  begin_call();
  begin_call();
  end_call(0);
  system.pass(milliseconds{5000});
  EXPECT_EQ(idle, 0) << "a call is under way";
  end_call(1);
  system.pass(milliseconds{999});
  EXPECT_EQ(idle, 0);
  system.pass(milliseconds{1});
  EXPECT_EQ(idle, 1);
  system.pass(milliseconds{60'000});
  EXPECT_EQ(idle, 1) << "nothing was done since";
}

TEST_F(Idleness, a_call_between_puts_it_off) {
  begin_call();
  end_call(0);
  system.pass(milliseconds{600});
  begin_call();
  end_call(1);
  system.pass(milliseconds{999});
  EXPECT_EQ(idle, 0);
  system.pass(milliseconds{1});
  EXPECT_EQ(idle, 1);
}

TEST_F(Idleness, comes_again_after_new_work) {
  for (std::size_t call = 0; call < 3; ++call) {
    begin_call();
    end_call(call);
    system.pass(milliseconds{2000});
  }
  EXPECT_EQ(idle, 3);
}

TEST_F(Idleness, a_node_without_calls_is_never_told) {
  system.pass(milliseconds{10'000});
  EXPECT_EQ(idle, 0);
}

}  // namespace
}  // namespace troupe
