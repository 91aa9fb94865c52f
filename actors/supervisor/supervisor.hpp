// The machines of a node.
// Owns: which machines there are and the actors of each. Promises: a machine joins the router when all its actors run;
// when one of them dies the whole machine is taken from the router, so that its requests move or are refused, and the
// others of its actors are stopped; with the hand-over actor all machines are lost, as it alone knows what was under
// way between them. A block actor takes its pool with it, a KV sender too (they are linked). Where a node is there for
// its machines alone the supervisor ends with the last of them. Refuses: nothing.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/messages/batching.hpp"
#include "actors/messages/cluster.hpp"
#include "actors/messages/neighbours.hpp"
#include "actors/messages/routing.hpp"
#include "actors/policies/machine_policies.hpp"
#include "actors/token/token.hpp"
#include "runtime/device/device.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

/// A machine to start: one model replica on one device.
struct MachineSpec {
  MachineId id;
  std::string name;
  policies::Role role = policies::Role::kMixed;
  std::shared_ptr<device::Device> device;
  std::optional<link::SlabId> slab;                 ///< the device's KV slab, where it was given to a link
  std::int32_t max_batch_tokens = 2048;             ///< prompt tokens in one step
  std::int32_t prompt_tokens_beside_decodes = 512;  ///< prompt tokens in a step that decodes share
  TokenLimits token_limits;
  policies::MachinePolicies policies = {};  ///< its own: no other machine has them
};

/// How KV travels between the machines of a node, for those that split requests among themselves.
struct NearWay {
  std::shared_ptr<link::Link> link;  ///< none: they do not
  NodeId node = {};
  RouterActor router = {};  ///< told how fast it is; may be none
  /// Told of each prompt's KV that has arrived; may be empty.
  std::function<void(RequestId, const link::Arrival&)> carried = {};
};

/// What a supervisor does when the last of its machines is lost.
enum class WhenEmpty {
  kStay,  ///< the node has other things to do
  kEnd,   ///< ends, and whoever watches it ends the node, so that it is started again
};

class Supervisor final : public exec::Actor<SupervisorActor::base> {
 public:
  /// `watcher` is told of machines that join and leave. `serving`: kept at how many machines serve, for those who are
  /// not actors; may be null.
  Supervisor(caf::actor_config& config, MachineWatcherActor watcher, std::vector<MachineSpec> machines,
             std::shared_ptr<std::atomic<std::int32_t>> serving = nullptr, NearWay near = {},
             WhenEmpty when_empty = WhenEmpty::kStay);
  const char* name() const override { return "supervisor"; }

 protected:
  SupervisorActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  struct Machine {
    MachineSpec spec;
    bool alive = true;
    PoolActor pool;
    GpuActor gpu;
    TokenActor token;
    PromptActor prompt;
    PromptActor near_prompt;  // none where machines split no requests
    BatchPolicyActor policy;  // none where the planners' own rules hold
  };

  Machine start(MachineSpec spec);
  void on(const caf::down_msg& down);
  void lose(Machine& machine);
  void stop(Machine& machine);
  caf::typed_response_promise<ClusterState> state();
  caf::typed_response_promise<BlocksFound> on(const QueryBlocks& query);

  MachineWatcherActor watcher_;
  std::vector<MachineSpec> to_start_;
  std::shared_ptr<std::atomic<std::int32_t>> serving_;
  std::vector<Machine> machines_;
  NearWay near_;
  WhenEmpty when_empty_;
  HandOverActor hand_over_;  ///< none where machines split no requests
};

}  // namespace troupe
