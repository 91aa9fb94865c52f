// Whoever sends a load to a simulated cluster: one actor that starts each request at its time, as the gateway would,
// and follows all of them to their ends.
//
// Owns: the requests under way. Promises: each answer is compared, token by token, with the text that its prompt calls
// for, computed here alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/request/request.hpp"
#include "runtime/device/modelled_device.hpp"
#include "runtime/exec/actor.hpp"
#include "tools/simulate/cluster/ledger.hpp"

namespace troupe::simulate {

/// From the client to itself: the next request of the load has arrived.
struct ArrivalDue {};

/// From the client to itself: the cluster hears of a request.
struct StartDue {
  Place place = 0;
};

using ClientActor = RequesterActor::extend<caf::reacts_to<ArrivalDue>, caf::reacts_to<StartDue>>;

struct ClientOptions {
  const workload::Load* load = nullptr;  ///< outlives the client
  std::shared_ptr<Ledger> ledger;
  RequestPeers peers;
  std::int32_t vocab_size = 0;
  std::uint64_t seed = 0;  ///< of prompts and answers
  /// From a request's time in the load to when the cluster hears of it.
  std::chrono::nanoseconds overhead{};
  std::chrono::nanoseconds prompt_token_overhead{};  ///< and as much more for each token of its prompt
  /// A request may generate at most so many tokens, as far as the cluster is told; then the text ends by itself, at the
  /// load's length. 0: the cluster is told the length.
  std::int32_t told_max_tokens = 0;
  /// How a front gets the time that each token takes on its way to the client; none: there is no front, and it takes
  /// none.
  device::SpendTime spend = {};
  std::chrono::nanoseconds token_work{};
  std::chrono::milliseconds request_timeout{};  ///< of a request, from its arrival on; 0: none
};

/// The token that ends a text by itself: the last of the vocabulary, which no text has otherwise.
inline TokenId end_of_text(std::int32_t vocab_size) { return vocab_size - 1; }

class Client final : public exec::Actor<ClientActor::base> {
 public:
  Client(caf::actor_config& config, ClientOptions options) : Actor(config), options_(std::move(options)) {}
  const char* name() const override { return "client"; }

 protected:
  ClientActor::behavior_type make_behavior() override;
  void on_exit() override {
    options_.peers = {};
    requester_ = nullptr;
  }

 private:
  struct Answer {
    device::ExpectedText expected;
    std::int32_t tokens = 0;
    bool under_way = false;
    bool wrong = false;
  };

  void on(const ArrivalDue&);
  void on(const TokensGenerated& news);
  void on(const RequestEnded& ended);
  void start(Place place);
  double seconds(TimePoint at) const { return std::chrono::duration<double>(at - began_).count(); }

  ClientOptions options_;
  RequesterActor requester_;  // who is told of the requests: this or its front
  TimePoint began_;
  std::shared_ptr<const device::SamplingSpec> sampling_;
  Place next_ = 0;
  std::vector<Answer> answers_;  // by place in the load
};

}  // namespace troupe::simulate

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::simulate::ArrivalDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::simulate::StartDue)
