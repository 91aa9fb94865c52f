// The front node and the clients of a local cluster, as far as they take time of the cores that they share with its
// machines: one thread that handles each token on its way to whoever asked.
//
// Owns: the news that wait for the thread, and those that it has in hand. Promises: news go on in the order in which
// they came; what came while the thread was at work or waited for a core is handled in one go.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/send.hpp>

#include "actors/messages/request.hpp"
#include "runtime/device/modelled_device.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe::simulate {

/// To the front: what it has in hand has been handled.
struct NewsHandled {};

using FrontActor = RequesterActor::extend<caf::reacts_to<NewsHandled>>;

class Front final : public exec::Actor<FrontActor::base> {
 public:
  /// `spend`: how the thread gets its time, of which each token takes `token_work`.
  Front(caf::actor_config& config, RequesterActor client, device::SpendTime spend, std::chrono::nanoseconds token_work)
      : Actor(config), client_(std::move(client)), spend_(std::move(spend)), token_work_(token_work) {}
  const char* name() const override { return "front"; }

 protected:
  FrontActor::behavior_type make_behavior() override {
    return {[this](TokensGenerated& news) {
              const auto count = static_cast<std::int64_t>(news.tokens.size());
              hear(std::move(news), count * token_work_);
            },
            [this](PromptScored& scored) { hear(std::move(scored), {}); },
            [this](RequestEnded& ended) { hear(std::move(ended), {}); },
            [this](const NewsHandled&) {
              for (auto& each : std::exchange(in_hand_, {}))
                std::visit([this](auto& news) { send(client_, std::move(news)); }, each);
              if (!waiting_.empty()) handle_waiting();
            }};
  }
  void on_exit() override { client_ = nullptr; }

 private:
  using News = std::vector<std::variant<TokensGenerated, PromptScored, RequestEnded>>;

  template <class Each>
  void hear(Each news, std::chrono::nanoseconds work) {
    waiting_.emplace_back(std::move(news));
    waiting_work_ += work;
    if (in_hand_.empty()) handle_waiting();
  }
  void handle_waiting() {
    in_hand_ = std::exchange(waiting_, {});
    spend_(std::exchange(waiting_work_, {}), [to = FrontActor{this}] { caf::anon_send(to, NewsHandled{}); });
  }

  RequesterActor client_;
  device::SpendTime spend_;
  std::chrono::nanoseconds token_work_;
  News waiting_;
  std::chrono::nanoseconds waiting_work_{};
  News in_hand_;
};

}  // namespace troupe::simulate

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::simulate::NewsHandled)
