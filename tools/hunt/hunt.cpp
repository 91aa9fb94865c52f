#include "tools/hunt/hunt.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <caf/send.hpp>

#include "actors/supervisor/restart_waits.hpp"
#include "runtime/base/random.hpp"
#include "tools/hunt/invariants.hpp"
#include "tools/hunt/replacement.hpp"
#include "tools/hunt/watched_device.hpp"

namespace troupe::hunt {
namespace {

using namespace std::chrono_literals;

/// A cluster that has nothing to do any more is looked at after this time: longer than silence, landings' and gaps'
/// patience.
constexpr Nanoseconds kQuiet = 3s;

class Run {
 public:
  Run(Plan plan, const HuntTelling& telling) : plan_(std::move(plan)), telling_(telling) {
    for (std::size_t i = 0; i < plan_.cluster.nodes.size(); ++i) {
      moods_.push_back(std::make_shared<DeviceMood>());
      moods_.back()->step_cost = plan_.step_cost;
    }
    started_.resize(moods_.size());
    waits_.resize(moods_.size());
    losses_.resize(moods_.size());
    ends_.resize(moods_.size());
    crashes_.resize(moods_.size());
    stalled_.resize(moods_.size());
    result_.seed = plan_.seed;
    witness_.emplace();
    cluster_.emplace(options());
    if (telling_.message) {
      std::vector<std::string> names;
      for (const auto& node : plan_.cluster.nodes) names.push_back(node.name);
      witness_->tell(telling_.message, std::move(names), cluster_->system);
    }
    born_ = cluster_->system.now();
  }

  HuntResult play() {
    trouble(plan_.has_faults);
    for (const auto& act : plan_.acts) {
      pass_until(born_ + act.at);
      if (telling_.event) telling_.event("plan: " + in_words(act, plan_.cluster));
      apply(act);
    }
    pass_until(born_ + plan_.faults_end);
    while (replacement_.busy()) pass_until(cluster_->system.now() + Replacement::kLook);
    trouble(false);
    const auto calm = cluster_->system.now();
    watch_recovery(calm);
    probe(calm);
    cluster_->pass(kQuiet);
    tell_logs();
    witness_->tell({}, {}, cluster_->system);
    judge_isolation();
    check_requests(requests_, result_.violations);
    const auto& offers = witness_->drains().violations();
    result_.violations.insert(result_.violations.end(), offers.begin(), offers.end());
    check_nodes(*cluster_, losses_, result_.violations);
    check_pieces();
    check_roles();
    check_orders(*cluster_, result_.violations);
    if (!plan_.has_faults && !plan_.rolling && witness_->retries() > 0)
      wrong("S2", "nothing went wrong, and requests made " + std::to_string(witness_->retries()) +
                      " attempts more than their first");
    result_.hash = witness_->hash();
    result_.messages = witness_->messages();
    result_.retries = witness_->retries();
    for (const auto& request : requests_) {
      ++result_.requests;
      if (request.what.ended() && request.what.end().reason == FinishReason::kError) ++result_.errors;
    }
    result_.virtual_seconds = seconds(cluster_->system.now().time_since_epoch());
    check_orphans();
    result_.happened = coverage_.happened();
    return std::move(result_);
  }

 private:
  void wrong(const std::string& invariant, std::string what, RequestId request = {}) {
    result_.violations.push_back({invariant, std::move(what), request});
  }

  static double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

  ClusterOptions options() {
    auto options = plan_.cluster;
    options.make_device = [this](std::size_t node, MachineId machine, device::HashDeviceOptions device) {
      return std::make_shared<WatchedDevice>(std::move(device), machine, moods_.at(node),
                                             mix64(plan_.seed ^ (++devices_ << 20)), *witness_, result_.violations);
    };
    if (plan_.frame_delay > 0ns)
      options.frame_delay = [random = RandomStream(plan_.seed ^ 0x66), most = plan_.frame_delay]() mutable {
        return Nanoseconds(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most.count()) + 1)));
      };
    options.failed = [this](std::size_t node, const std::string& actor, const std::string& why) {
      ended_of_itself(node, actor, why);
    };
    if (plan_.has_faults)
      options.network.fault = [this,
                               random = RandomStream(plan_.seed ^ 0x6b76)](const link::Travelling& piece) mutable {
        auto fault = harm(random);
        if (cluster_->apart(cluster_->node_of_link(piece.from), cluster_->node_of_link(piece.to)))
          fault.kind = link::Fault::Kind::kDrop;
        return fault;
      };
    return options;
  }

  link::Fault harm(RandomStream& random) {
    link::Fault fault;
    if (!trouble_ || !plan_.kv.any()) return fault;
    const auto& kv = plan_.kv;
    auto draw = random.below(1000);
    const auto is = [&draw](std::uint32_t share) {
      const bool hit = draw < share;
      draw -= std::min<std::uint64_t>(share, draw);
      return hit;
    };
    if (is(kv.drop)) {
      fault.kind = link::Fault::Kind::kDrop;
      coverage_.fault("a piece of KV is lost");
    } else if (is(kv.corrupt)) {
      fault.kind = link::Fault::Kind::kCorrupt;
      ++corrupted_;
      coverage_.fault("a piece of KV is damaged");
    } else if (is(kv.duplicate)) {
      fault.kind = link::Fault::Kind::kDuplicate;
      coverage_.fault("a piece of KV comes twice");
    }
    if (kv.latest == 0ns || random.below(1000) >= kv.late) return fault;
    coverage_.fault("a piece of KV is late");
    fault.delay = Nanoseconds(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kv.latest.count()))));
    return fault;
  }

  void trouble(bool on) {
    trouble_ = on;
    for (auto& mood : moods_) mood->faults_per_mille = on ? plan_.step_faults : 0;
  }

  void pass_until(TimePoint when) {
    for (auto now = cluster_->system.now(); when > now; now = cluster_->system.now()) {
      cluster_->pass(std::min<Nanoseconds>(when - now, replacement_.busy() ? Replacement::kLook : Nanoseconds::max()));
      if (const auto why = replacement_.look(*cluster_, requests_, witness_->retries_without_preemption()))
        wrong("S7", *why);
    }
    tell_logs();
  }

  /// What nodes have said for their logs since.
  void tell_logs() {
    if (!telling_.event) return;
    told_.resize(cluster_->size());
    for (std::size_t i = 0; i < cluster_->size(); ++i) {
      const auto& events = cluster_->events(i);
      if (told_[i].first != &events) told_[i] = {&events, 0};
      for (auto& [log, next] = told_[i]; next < events.size(); ++next)
        telling_.event("log of " + plan_.cluster.nodes[i].name + ": " + events[next]);
    }
  }

  std::shared_ptr<RequestSpec> spec_of(const PlannedRequest& planned) {
    auto spec = std::make_shared<RequestSpec>();
    spec->id = RequestId{++last_request_};
    spec->prompt = prompt_of(planned.prompt, planned.salt);
    spec->max_tokens = planned.tokens;
    spec->stop = planned.stop;
    if (planned.deadline) spec->deadline = cluster_->system.now() + *planned.deadline;
    auto sampling = std::make_shared<device::SamplingSpec>();
    sampling->seed = mix64(planned.salt);
    spec->sampling = std::move(sampling);
    return spec;
  }

  void submit(const PlannedRequest& planned, std::size_t number, std::size_t node) {
    Played played;
    played.number = number;
    played.node = node;
    // A client whose node is away is refused by the host; it is nobody's request.
    if (!cluster_->alive(node)) return;
    if (replacement_.closed(node)) return submit(planned, number, replacement_.instead_of(node, *cluster_));
    played.what = cluster_->submit(spec_of(planned), node);
    played.began = cluster_->system.now();
    played.home_started = started_.at(node);
    played.home_stalled = stalled_.at(node);
    requests_.push_back(std::move(played));
  }

  Played* played(std::size_t number) {
    const auto found =
        std::find_if(requests_.begin(), requests_.end(), [&](const Played& each) { return each.number == number; });
    return found == requests_.end() || found->home_died ? nullptr : &*found;
  }

  void apply(const Act& act) {
    using Kind = Act::Kind;
    auto& cluster = *cluster_;
    switch (act.kind) {
      case Kind::kSubmit:
        return submit(plan_.requests.at(act.request), act.request, act.node);
      case Kind::kCancel:
        if (auto* const request = played(act.request)) {
          coverage_.fault("a client cancels");
          request->cancelled = true;
          caf::anon_send(request->what.actor, CancelCompletion{request->what.spec->id});
        }
        return;
      case Kind::kDisconnect:
        if (auto* const request = played(act.request)) {
          coverage_.fault("a client goes away");
          request->client_gone = true;
          caf::anon_send_exit(request->what.requester, caf::exit_reason::user_shutdown);
        }
        return;
      case Kind::kKill:
        if (!cluster.alive(act.node)) return;
        coverage_.fault("a node dies");
        node_died(act.node);
        return cluster.kill(act.node);
      case Kind::kStart:
        if (!cluster.alive(act.node)) start(act.node);
        return;
      case Kind::kCut:
      case Kind::kHeal:
        if (act.kind == Kind::kCut) coverage_.fault("a node is cut off");
        return cluster.cut(act.node, act.kind == Kind::kCut);
      case Kind::kCutPair:
      case Kind::kHealPair:
        if (act.kind == Kind::kCutPair) coverage_.fault("two nodes are cut off from each other");
        return cluster.cut_pair(act.node, act.other, act.kind == Kind::kCutPair);
      case Kind::kBreak:
        coverage_.fault("a connection breaks");
        return cluster.break_wire(act.node, act.other);
      case Kind::kStall:
      case Kind::kWake:
        if (!cluster.alive(act.node)) return;
        if (act.kind == Kind::kStall) coverage_.fault("a node stalls");
        stalled_.at(act.node) = act.kind == Kind::kStall;
        if (stalled_.at(act.node))
          for (auto& request : requests_) request.home_stalled = request.home_stalled || request.node == act.node;
        return cluster.stall(act.node, act.kind == Kind::kStall);
      case Kind::kChangeRole:
      case Kind::kDrain:
      case Kind::kUndrain:
        if (act.kind == Kind::kChangeRole) coverage_.fault("a role is changed by order");
        if (act.kind == Kind::kDrain) coverage_.fault("machines drain and serve again");
        return order(act);
      case Kind::kSlow:
        coverage_.fault("a device is slow");
        moods_.at(act.node)->slower = act.factor;
        return;
      case Kind::kFast:
        moods_.at(act.node)->slower = 1;
        return;
      case Kind::kRetire:
        coverage_.fault("a node is drained and replaced");
        return replacement_.add(act.node);
      case Kind::kCrash:
        crashes_.at(act.node) = act.which;
        return crash(act.node);
      case Kind::kEndActor:
        return end_actor(act);
    }
  }

  void node_died(std::size_t node) {
    for (auto& request : requests_)
      if (request.node == node) request.home_died = true;
    stalled_.at(node) = false;
    losses_.at(node) = 0;
  }

  void start(std::size_t node) {
    if (plan_.dead == node) return;
    started_.at(node) = cluster_->system.now();
    cluster_->start(node);
  }

  /// As `troupe up` does where a process ends that should not have.
  void ended_of_itself(std::size_t node, const std::string& actor, const std::string& why) {
    const auto now = cluster_->system.now();
    const auto wait =
        waits_.at(node).after(std::chrono::duration_cast<std::chrono::milliseconds>(now - started_.at(node)));
    if (telling_.event)
      telling_.event("node " + plan_.cluster.nodes[node].name + " ends, as its " + actor + " has: " + why +
                     "; it is started again in " + std::to_string(wait.count()) + " ms");
    node_died(node);
    if (actor == "balancer")
      wrong("S9", "node " + plan_.cluster.nodes[node].name + " ends as its balancer does, which nobody ended");
    // S9, by a reckoning of its own; no node lives for half a minute here.
    const auto least = std::min<Nanoseconds>(200ms * (1 << std::min(ends_.at(node)++, 10)), 10s);
    if (wait < least)
      wrong("S9", "node " + plan_.cluster.nodes[node].name + " has ended for the " + std::to_string(ends_[node]) +
                      ". time, and is to be started again after " + std::to_string(wait.count()) + " ms");
    if (plan_.dead == node) return;
    cluster_->after(wait, [this, node] {
      if (cluster_->alive(node)) return;
      start(node);
      if (crashes_[node] == 0) return;
      --crashes_[node];
      cluster_->after(30ms, [this, node] { crash(node); });
    });
  }

  void crash(std::size_t node) {
    if (!cluster_->alive(node)) return;
    coverage_.fault("a node ends as soon as it is started");
    cluster_->kill(node);
    ended_of_itself(node, "process", "as planned");
  }

  void end_actor(const Act& act) {
    cluster_->system.run_some(act.after_messages);
    const auto there = witness_->players().named(act.actor);
    if (there.empty()) return;
    const auto& actor = there[act.which % there.size()];
    const auto place = cluster_->system.place_of(actor->id());
    if (place == exec::kNoPlace) return;
    const std::size_t node = place - 1;
    const std::string_view name = act.actor;
    if (telling_.event)
      telling_.event("plan: " + std::string(name) + "#" + std::to_string(actor->id()) + " of node " +
                     plan_.cluster.nodes[node].name + " ends: " + caf::to_string(act.reason));
    for (auto& request : requests_)
      if (request.what.actor && request.what.actor.id() == actor->id()) request.client_gone = true;
    coverage_.fault("an actor ends, " + std::string(name));
    const bool renewed =
        std::find(std::begin(kRenewedActors), std::end(kRenewedActors), name) != std::end(kRenewedActors);
    if (!renewed) losses_.at(node) += name == "hand_over" ? plan_.cluster.nodes[node].machines.size() : 1;
    const auto life = cluster_->life(node);
    caf::anon_send_exit(actor, act.reason);
    if (cluster_->stalled(node) || name == "request" || renewed) return;
    cluster_->system.settle();
    check_escalation(node, life, name);
  }

  /// S9: what cannot do without the actor has ended with it.
  void check_escalation(std::size_t node, std::uint64_t life, std::string_view actor) {
    if (!cluster_->alive(node) || cluster_->life(node) != life) return;
    const std::string who = "node " + plan_.cluster.nodes[node].name;
    const bool of_machine =
        std::find(std::begin(kMachineActors), std::end(kMachineActors), actor) != std::end(kMachineActors);
    if (!of_machine) return wrong("S9", who + " goes on without its " + std::string(actor));
    const auto state = cluster_->ask(node);
    if (!state) return;
    std::size_t here = 0, lost = 0;
    for (const auto& machine : state->machines) {
      if (machine.node != plan_.cluster.nodes[node].name) continue;
      ++here;
      lost += machine.alive ? 0 : 1;
    }
    if (lost == 0) wrong("S9", who + " keeps a machine whose " + std::string(actor) + " has ended");
    const auto& options = plan_.cluster.nodes[node];
    if (lost == here && !options.routes && !options.calls) wrong("S9", who + " has lost all its machines and goes on");
  }

  /// S10: where nobody else changed roles, what the balancer lent has gone home.
  void check_roles() {
    const auto changes = [](const Act& act) { return act.kind == Act::Kind::kChangeRole; };
    if (plan_.dead || std::any_of(plan_.acts.begin(), plan_.acts.end(), changes)) return;
    if (std::any_of(losses_.begin(), losses_.end(), [](std::size_t lost) { return lost > 0; })) return;
    for (std::size_t node = 0; node < cluster_->size(); ++node) {
      const auto& options = plan_.cluster.nodes[node];
      const auto state = cluster_->ask(node);
      if (!state) continue;
      for (std::size_t m = 0; m < options.machines.size(); ++m)
        for (const auto& machine : state->machines)
          if (machine.name == options.name + "-" + std::to_string(m) && machine.role != options.machines[m])
            wrong("S10", "machine " + machine.name + " is for " + to_string(machine.role) +
                             " at last, its node started it for " + to_string(options.machines[m]) +
                             ", and no operator changed that");
    }
  }

  void order(const Act& act) {
    const auto& name = plan_.cluster.nodes.at(act.node).name;
    std::optional<policies::Role> role;
    std::optional<bool> draining;
    if (act.kind == Act::Kind::kChangeRole) {
      role = act.role;
    } else {
      draining = act.kind == Act::Kind::kDrain;
    }
    if (cluster_->alive(act.other)) cluster_->change(name, role, draining, act.other);
  }

  /// Until all requests have ended, or may be taken to be stuck.
  void watch_recovery(TimePoint calm) {
    const auto over = [&] {
      return std::all_of(requests_.begin(), requests_.end(), [](const Played& each) { return each.over(); });
    };
    while (!over() && cluster_->system.now() - calm < kMostRecovery) cluster_->pass(50ms);
    result_.recovery_seconds = seconds(cluster_->system.now() - calm);
    for (const auto& request : requests_)
      if (!request.over())
        wrong("L1",
              who(request) + " has not ended " + std::to_string(kMostRecovery / 1s) +
                  " s after the last fault; it has " + std::to_string(request.what.answer->tokens.size()) + " tokens",
              request.what.spec->id);
  }

  /// What comes after the faults is served, soon, wherever it comes from.
  void probe(TimePoint calm) {
    // A node that was away is met again within a few heartbeats.
    pass_until(calm + 2s);
    std::vector<std::size_t> mine;
    for (std::size_t node = 0; node < cluster_->size(); ++node) {
      if (!plan_.cluster.nodes[node].calls || !cluster_->alive(node)) continue;
      mine.push_back(requests_.size());
      submit({20, 8, mix64(plan_.seed ^ node), {}, std::nullopt}, plan_.requests.size() + node, node);
      requests_.back().probe = true;
    }
    const auto asked = cluster_->system.now();
    const auto over = [&] {
      return std::all_of(mine.begin(), mine.end(), [&](std::size_t i) { return requests_[i].over(); });
    };
    while (!over() && cluster_->system.now() - asked < kMostProbe) cluster_->pass(50ms);
    for (const auto i : mine)
      if (!requests_[i].over())
        wrong(plan_.dead ? "L2" : "L1",
              who(requests_[i]) + ", made when all was well again" +
                  (plan_.dead ? " but for " + plan_.cluster.nodes[*plan_.dead].name : "") + ", has no answer after " +
                  std::to_string(kMostProbe / 1s) + " s",
              requests_[i].what.spec->id);
  }

  /// Nodes that do not hear of each other for so long give each other up; who asks one of them meanwhile may be
  /// refused.
  void judge_isolation() {
    using Kind = Act::Kind;
    constexpr Nanoseconds kLong = 1200ms;  // somewhat less than silence
    constexpr Nanoseconds kAfterwards = 4s;
    const auto& acts = plan_.acts;
    for (auto begin = acts.begin(); begin != acts.end(); ++begin) {
      if (begin->kind != Kind::kCut && begin->kind != Kind::kCutPair && begin->kind != Kind::kStall) continue;
      const auto ending = static_cast<Kind>(static_cast<int>(begin->kind) + 1);
      const auto end = std::find_if(begin, acts.end(), [&](const Act& act) {
        return act.kind == ending && act.node == begin->node && act.other == begin->other;
      });
      if (end == acts.end() || end->at - begin->at < kLong) continue;
      for (auto& request : requests_)
        if (request.began <= born_ + end->at + kAfterwards) request.isolated = true;
    }
  }

  void check_pieces() {
    std::uint64_t damaged = 0;
    for (std::size_t i = 0; i < cluster_->size(); ++i)
      if (cluster_->alive(i)) damaged += cluster_->checksum_failures(i);
    if (damaged > corrupted_)
      wrong("S6", std::to_string(damaged) + " pieces of KV had another checksum than their bytes, and the network " +
                      "damaged " + std::to_string(corrupted_) + ": somebody wrote blocks while they were sent");
  }

  /// When every node has died nothing of them is left but what this run itself holds.
  void check_orphans() {
    for (std::size_t i = 0; i < cluster_->size(); ++i) cluster_->kill(i);
    cluster_->system.settle();
    for (const auto& request : requests_)
      if (!*request.what.gone) wrong("S4", who(request) + " outlives its node", request.what.spec->id);
    requests_.clear();
    cluster_->system.settle();
    const auto left = cluster_->system.actors().registry().running();
    if (left > Cluster::kOwnActors)
      wrong("S4", std::to_string(left - Cluster::kOwnActors) + " actors are left when every node has died");
  }

  Plan plan_;
  const HuntTelling& telling_;
  HuntResult result_;
  std::vector<std::shared_ptr<DeviceMood>> moods_;
  std::vector<std::pair<const std::vector<std::string>*, std::size_t>> told_;  // of each node's log
  std::uint64_t devices_ = 0;
  std::uint64_t corrupted_ = 0;
  std::uint64_t last_request_ = 0;
  bool trouble_ = false;
  TimePoint born_;
  std::vector<TimePoint> started_;  // of each node
  std::vector<bool> stalled_;
  std::vector<RestartWaits> waits_;     // of each node
  std::vector<int> ends_;               // how often each ended of itself
  std::vector<std::uint64_t> crashes_;  // that each still has before it
  Replacement replacement_;
  Coverage coverage_;
  std::vector<std::size_t> losses_;  // machines that each may have lost in its present life
  std::vector<Played> requests_;
  // The cluster's actors are watched until the last one has ended.
  std::optional<Witness> witness_;
  std::optional<Cluster> cluster_;
};

}  // namespace

HuntResult hunt(std::uint64_t seed, bool faults, const HuntTelling& telling) {
  return Run(plan_of(seed, faults), telling).play();
}

}  // namespace troupe::hunt
