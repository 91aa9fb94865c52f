// What a cluster's machines tell the router now and then: how much of their KV is free. In a cluster of several nodes
// the neighbours actors' beats carry it; a simulated cluster is one node, and has these.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/messages/cluster.hpp"
#include "actors/messages/routing.hpp"
#include "kernels/attention/kv_layout.hpp"
#include "runtime/exec/actor.hpp"
#include "tools/simulate/cluster/ledger.hpp"

namespace troupe::simulate {

/// From the beats actor to itself.
struct BeatDue {};

using BeatsActor = caf::typed_actor<caf::reacts_to<BeatDue>>;

struct BeatsOptions {
  SupervisorActor supervisor;
  RouterActor router;
  std::shared_ptr<Ledger> ledger;
  std::chrono::nanoseconds every{};
  std::size_t kv_token_bytes = 1;
};

class Beats final : public exec::Actor<BeatsActor::base> {
 public:
  Beats(caf::actor_config& config, BeatsOptions options) : Actor(config), options_(std::move(options)) {}
  const char* name() const override { return "beats"; }

 protected:
  BeatsActor::behavior_type make_behavior() override {
    began_ = now();
    delayed_send(BeatsActor{this}, options_.every, BeatDue{});
    return {[this](const BeatDue&) {
      request(options_.supervisor, caf::infinite, QueryCluster{}).then([this](const ClusterState& state) {
        tell(state);
      });
      delayed_send(BeatsActor{this}, options_.every, BeatDue{});
    }};
  }
  void on_exit() override { options_ = {}; }

 private:
  void tell(const ClusterState& state) {
    double waiting = 0;
    for (const auto& machine : state.machines) {
      const auto free = std::int64_t{machine.blocks.by_state[static_cast<std::size_t>(BlockState::kFree)]};
      const auto used = machine.blocks.total - free;
      send(options_.router, KvRoomHeard{machine.id, free * kernels::kBlockPositions});
      options_.ledger->kv_in_use(machine.id.value, static_cast<double>(used * kernels::kBlockPositions) *
                                                       static_cast<double>(options_.kv_token_bytes));
      waiting += machine.prompts.waiting + machine.tokens.waiting;
    }
    options_.ledger->beat(std::chrono::duration<double>(now() - began_).count(), waiting);
  }

  BeatsOptions options_;
  TimePoint began_;
};

}  // namespace troupe::simulate

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::simulate::BeatDue)
