// Where HTTP exchanges enter the actor system; one per node.
// Owns: the count of calls under way, and whether the node takes new ones. Promises: every exchange is answered: at
// once, or by the call actor that it is handed to. Refuses: new calls while draining or not ready (503) and past
// max_calls (429), both with Retry-After.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/gateway/call.hpp"
#include "actors/gateway/http_reply.hpp"
#include "actors/gateway/routes.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

/// From the HTTP server's handler, on its io thread: a request that passed. Its route is an index into
/// gateway_routes().
struct HttpArrived {
  std::shared_ptr<http::Exchange> exchange;
};
/// Command: readiness says no from now on, and new calls are refused; those under way go on.
struct BeginDrain {};
/// Command: the time to drain is over; calls under way end with an error.
struct CutCalls {};
/// To itself: the node may have been idle for long enough.
struct IdleDue {};
/// Question: what is under way?
struct QueryGateway {};
struct GatewayState {
  std::size_t calls = 0;
  bool draining = false;
};

using GatewayActor = caf::typed_actor<caf::reacts_to<HttpArrived>, caf::reacts_to<BeginDrain>, caf::reacts_to<CutCalls>,
                                      caf::reacts_to<IdleDue>, caf::replies_to<QueryGateway>::with<GatewayState>>;

class Gateway final : public exec::Actor<GatewayActor::base> {
 public:
  Gateway(caf::actor_config& config, std::shared_ptr<const GatewayOptions> options);
  const char* name() const override { return "gateway"; }

 protected:
  GatewayActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  void on(HttpArrived& arrived);
  void answer_ready(Responder& responder) const;
  void begin_call(GatewayRoute kind, http::Exchange& exchange, std::unique_ptr<Responder> responder);
  /// Why a call cannot be taken now; none: it can.
  std::optional<openai::ApiError> why_not() const;
  void call_ended();
  void await_idleness(std::chrono::steady_clock::duration time);

  std::shared_ptr<const GatewayOptions> options_;
  std::vector<RouteEntry> routes_;
  std::size_t calls_ = 0;
  std::unordered_map<caf::actor_addr, CallActor> cuttable_;  // of the calls, those that generate
  bool draining_ = false;
  std::chrono::steady_clock::time_point last_end_;  // of a call
  bool idle_due_ = false;                           // an IdleDue is on its way; CAF 0.17 cannot call it back
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::HttpArrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BeginDrain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CutCalls)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::IdleDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryGateway)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::GatewayState)
