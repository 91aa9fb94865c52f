#include "actors/supervisor/supervisor.hpp"

#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "actors/batch_policy/batch_policy.hpp"
#include "actors/gpu/gpu.hpp"
#include "actors/hand_over/hand_over.hpp"
#include "actors/hand_over/near_prompt.hpp"
#include "actors/pool/pool.hpp"
#include "actors/prompt/prompt.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {
namespace {

/// The answer to QueryCluster as it comes together: the last of the machines' actors to answer completes it.
struct Gathering {
  void arrived() {
    if (--missing == 0) promise.deliver(std::move(state));
  }
  caf::typed_response_promise<ClusterState> promise;
  ClusterState state;
  int missing = 0;
};

}  // namespace

Supervisor::Supervisor(caf::actor_config& config, MachineWatcherActor watcher, std::vector<MachineSpec> machines,
                       std::shared_ptr<std::atomic<std::int32_t>> serving, NearWay near, WhenEmpty when_empty)
    : Actor(config),
      watcher_(std::move(watcher)),
      to_start_(std::move(machines)),
      serving_(std::move(serving)),
      near_(std::move(near)),
      when_empty_(when_empty) {}

SupervisorActor::behavior_type Supervisor::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) { on(down); });
  if (near_.link && to_start_.size() > 1) {
    hand_over_ = spawn<HandOver>(HandOverOptions{near_.node, near_.link, near_.router, near_.carried});
    monitor(hand_over_);
  }
  for (auto& spec : to_start_) machines_.push_back(start(std::move(spec)));
  to_start_.clear();
  return {[this](const QueryCluster&) { return state(); }, [this](const QueryBlocks& query) { return on(query); }};
}

Supervisor::Machine Supervisor::start(MachineSpec spec) {
  Machine machine;
  const auto& kv = spec.device->info().kv;
  machine.pool = spawn<Pool>(static_cast<std::int32_t>(kv.blocks));
  machine.gpu = spawn<Gpu>(spec.device, spec.prompt_tokens_beside_decodes);
  const auto& policies = spec.policies;
  if (policies.any()) {
    machine.policy = spawn<BatchPolicyHost>(policies);
    monitor(machine.policy);
  }
  const auto asked = [&](const auto& policy) { return policy ? machine.policy : BatchPolicyActor{}; };
  machine.token = spawn<Token>(spec.id, spec.token_limits, machine.gpu, machine.pool,
                               TokenPolicies{asked(policies.tokens), asked(policies.admission)});
  machine.prompt = spawn<Prompt>(spec.max_batch_tokens, machine.gpu, machine.token, asked(policies.prompts));
  monitor(machine.pool);
  monitor(machine.gpu);
  monitor(machine.token);
  monitor(machine.prompt);
  const auto& info = spec.device->info();
  MachineJoined joined{spec.id,        spec.name,     spec.role,    info.name, kv, info.vocab_size, info.max_positions,
                       machine.prompt, machine.token, machine.pool, spec.slab};
  joined.home = spec.role;
  joined.role_since = now();
  joined.layer_groups = info.layer_groups;
  joined.modelled_kv_token_bytes = info.modelled_kv_token_bytes;
  if (hand_over_) {
    joined.near_slab = near_.link->add_slab(spec.device->kv_slab(), kv);
    joined.prompt_for_others = machine.near_prompt = spawn<NearPrompt>(spec.id, hand_over_);
    monitor(machine.near_prompt);
    // First: whatever comes of the machine being known to the watcher finds it known there.
    send(hand_over_, joined);
  }
  send(watcher_, std::move(joined));
  if (serving_) ++*serving_;
  machine.spec = std::move(spec);
  return machine;
}

void Supervisor::on(const caf::down_msg& down) {
  // What is under way between two machines of the node is known to nobody else. Nor does anybody hear of it when a
  // request that has waited for memory asks a stand-in that is gone for its prompt.
  const bool all = hand_over_ && (down.source == hand_over_ ||
                                  std::any_of(machines_.begin(), machines_.end(),
                                              [&](const Machine& m) { return down.source == m.near_prompt; }));
  for (auto& m : machines_)
    if (all || down.source == m.pool || down.source == m.gpu || down.source == m.token || down.source == m.prompt ||
        (m.policy && down.source == m.policy))
      lose(m);
  const bool any = std::any_of(machines_.begin(), machines_.end(), [](const Machine& m) { return m.alive; });
  rare(Rare::kAllMachinesLost, all);
  if (any || when_empty_ == WhenEmpty::kStay) return;
  rare(Rare::kSupervisorEnds);
  quit(down.reason);
}

void Supervisor::lose(Machine& machine) {
  if (!std::exchange(machine.alive, false)) return;
  rare(Rare::kMachineLost);
  if (hand_over_) send(hand_over_, MachineLeft{machine.spec.id});
  send(watcher_, MachineLeft{machine.spec.id});
  if (serving_) --*serving_;
  stop(machine);
}

void Supervisor::stop(Machine& machine) {
  // Without a sender: this also runs when the last handle to the supervisor is gone, and a message would hold a new
  // one.
  caf::anon_send_exit(machine.prompt, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(machine.token, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(machine.gpu, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(machine.pool, caf::exit_reason::user_shutdown);
  if (machine.policy) caf::anon_send_exit(machine.policy, caf::exit_reason::user_shutdown);
}

void Supervisor::on_exit() {
  for (auto& machine : machines_)
    if (machine.alive) stop(machine);
  // A stand-in outlives its machine: other machines' actors still ask it, and are told that it has left.
  for (auto& machine : machines_)
    if (machine.near_prompt) caf::anon_send_exit(machine.near_prompt, caf::exit_reason::user_shutdown);
  machines_.clear();
  if (hand_over_) caf::anon_send_exit(hand_over_, caf::exit_reason::user_shutdown);
  hand_over_ = nullptr;
  near_ = {};
}

caf::typed_response_promise<ClusterState> Supervisor::state() {
  auto gathering = std::make_shared<Gathering>();
  gathering->promise = make_response_promise<ClusterState>();
  gathering->missing = 1;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    const auto& machine = machines_[i];
    auto& state = gathering->state.machines.emplace_back();
    state.id = machine.spec.id;
    state.name = machine.spec.name;
    state.role = machine.spec.role;
    state.device = machine.spec.device->info().name;
    state.alive = machine.alive;
    if (!machine.alive) continue;
    gathering->missing += 3;
    // An actor that dies while it is asked answers with an error: its share stays empty.
    const auto died = [gathering](caf::error&) { gathering->arrived(); };
    request(machine.prompt, caf::infinite, QueryWork{})
        .then(
            [gathering, i](const WorkState& work) {
              gathering->state.machines[i].prompts = work;
              gathering->arrived();
            },
            died);
    request(machine.token, caf::infinite, QueryWork{})
        .then(
            [gathering, i](const WorkState& work) {
              gathering->state.machines[i].tokens = work;
              gathering->arrived();
            },
            died);
    request(machine.pool, caf::infinite, QueryPool{})
        .then(
            [gathering, i](const PoolState& blocks) {
              gathering->state.machines[i].blocks = blocks;
              gathering->arrived();
            },
            died);
  }
  const auto promise = gathering->promise;
  gathering->arrived();
  return promise;
}

caf::typed_response_promise<BlocksFound> Supervisor::on(const QueryBlocks& query) {
  auto promise = make_response_promise<BlocksFound>();
  const auto answer = [promise](Result<MachineBlocks> what) {
    auto to = promise;
    to.deliver(BlocksFound{{}, std::make_shared<const Result<MachineBlocks>>(std::move(what))});
  };
  const auto ended = [answer, name = query.machine]() {
    answer(Error{ErrorCode::kUnavailable, "Machine \"" + name + "\" has ended."});
  };
  std::vector<std::string> there;
  for (const auto& machine : machines_) {
    there.push_back(machine.spec.name);
    if (machine.spec.name != query.machine) continue;
    if (!machine.alive) {
      ended();
      return promise;
    }
    request(machine.pool, caf::infinite, QueryLeases{})
        .then(
            [answer](const PoolLeases& leases) {
              MachineBlocks all{leases.blocks, {}, leases.left_out};
              for (const auto& lease : leases.leases)
                all.leases.push_back({lease.request, {}, false, {}, lease.held_ns, lease.by_state});
              answer(std::move(all));
            },
            [ended](caf::error&) { ended(); });
    return promise;
  }
  answer(no_such_machine(query.machine, there));
  return promise;
}

}  // namespace troupe
