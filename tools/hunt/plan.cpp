#include "tools/hunt/plan.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "runtime/base/random.hpp"
#include "tools/hunt/coverage.hpp"

namespace troupe::hunt {
namespace {

using namespace std::chrono_literals;
using policies::Role;
using Kind = Act::Kind;

/// Calls come, and things go wrong, in this time.
constexpr Nanoseconds kPlay = 2500ms;
/// A node that ended a few times is back after this time.
constexpr Nanoseconds kRestarted = 2500ms;

class Planner {
 public:
  Planner(std::uint64_t seed, bool faults)
      : random_(mix64(seed) ^ 0x6875'6e74), later_(mix64(seed) ^ 0x6c61'7465), faults_(faults) {
    plan_.seed = seed;
  }

  Plan make() {
    shape();
    std::swap(random_, later_);
    more_shape();
    std::swap(random_, later_);
    load();
    // Drawn in any case, so that a seed has the same load with faults and without.
    RandomStream troubles(random_.next());
    std::swap(random_, troubles);
    if (faults_ && later_.below(12) == 0) {
      std::swap(random_, later_);
      roll();
    } else if (faults_ && random_.below(8) != 0) {
      trouble();
      std::swap(random_, later_);
      more_trouble();
    }
    std::stable_sort(plan_.acts.begin(), plan_.acts.end(), [](const Act& a, const Act& b) { return a.at < b.at; });
    plan_.faults_end = std::max(kPlay, restarted_by_);
    if (!plan_.acts.empty()) plan_.faults_end = std::max(plan_.faults_end, plan_.acts.back().at);
    return std::move(plan_);
  }

 private:
  bool one_in(std::uint64_t n) { return random_.below(n) == 0; }
  std::int32_t between(std::int32_t least, std::int32_t most) {
    return least + static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(most - least + 1)));
  }
  Nanoseconds time(Nanoseconds most) {
    return Nanoseconds(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most.count()) + 1)));
  }
  Act& act(Nanoseconds at, Kind kind, std::size_t node = 0, std::size_t other = 0) {
    auto& act = plan_.acts.emplace_back();
    act.at = at;
    act.kind = kind;
    act.node = node;
    act.other = other;
    return act;
  }
  std::vector<Role> machines(Role role) { return std::vector<Role>(one_in(6) ? 2 : 1, role); }

  void shape() {
    auto& cluster = plan_.cluster;
    cluster.seed = plan_.seed + 1;  // 0 would be the order of arrival
    cluster.nodes.clear();
    cluster.nodes.push_back({"front0", {}, 0, true, true});
    if (one_in(2)) cluster.nodes.push_back({"front1", {}, 0, true, true});
    if (one_in(4)) cluster.nodes.push_back({"gateway", {}, 0, false, true});
    fronts_ = cluster.nodes.size();
    for (std::int32_t i = 0, n = between(1, 2); i < n; ++i)
      cluster.nodes.push_back({"prompt" + std::to_string(i), machines(Role::kPrompt)});
    for (std::int32_t i = 0, n = between(1, 2); i < n; ++i)
      cluster.nodes.push_back({"token" + std::to_string(i), machines(Role::kToken)});
    if (one_in(3)) cluster.nodes.push_back({"mixed0", machines(Role::kMixed)});
    if (one_in(5)) cluster.nodes[0].machines = {Role::kMixed};  // as in `troupe serve` with others beside it
    // Small pools, so that some must wait and some lose their blocks again; the longest request fits in any.
    cluster.device.blocks = one_in(2) ? between(9, 24) : between(24, 96);
    cluster.device.layers = between(1, 3);
    cluster.max_batch_tokens = one_in(2) ? between(16, 64) : 2048;
    cluster.prompt_tokens_beside_decodes = one_in(2) ? between(4, 32) : 512;
    cluster.token_limits.max_running = one_in(3) ? between(1, 4) : 256;
    cluster.network.latency = time(2ms);
    cluster.network.bytes_per_second = one_in(2) ? 0 : 1e5 * between(1, 100);
    cluster.network.piece_bytes = one_in(2) ? std::size_t{128} << random_.below(4) : std::size_t{1} << 20;
    cluster.warm_up = 1s;
    constexpr const char* kPolicies[] = {"splitwise", "splitwise", "round_robin", "least_loaded"};
    cluster.policy = kPolicies[random_.below(std::size(kPolicies))];
    plan_.step_cost = one_in(3) ? 10ms : time(4ms);
    plan_.frame_delay = one_in(2) ? Nanoseconds{} : time(5ms);
  }

  /// What came later draws from a stream of its own, so that seeds keep what they had.
  void more_shape() {
    if (one_in(4)) plan_.cluster.nodes.push_back({"pair", {Role::kPrompt, Role::kToken}});
    if (one_in(6)) {
      // So near and so narrow that KV travels in groups of layers while prompts run.
      plan_.cluster.network.latency = time(200us);
      plan_.cluster.network.bytes_per_second = 1e5 * between(1, 4);
    }
    if (one_in(3)) {
      policies::RoleSettings rule;
      rule.hold = std::chrono::milliseconds{100};
      rule.settle = std::chrono::milliseconds{200};
      rule.full_prompt_tokens = between(20, 200);
      plan_.cluster.balance = rule;
    }
  }

  std::size_t caller() {
    for (;;) {
      const auto node = random_.below(fronts_);
      if (plan_.cluster.nodes[node].calls) return node;
    }
  }

  void load() {
    const auto count = static_cast<std::size_t>(between(2, 12));
    const bool at_once = one_in(3);
    for (std::size_t i = 0; i < count; ++i) {
      auto& request = plan_.requests.emplace_back();
      request.prompt = one_in(4) ? between(1, 3) : between(1, 90);
      request.tokens = one_in(4) ? between(1, 3) : between(1, 40);
      request.salt = random_.next();
      if (one_in(6)) request.stop = {std::string(1, static_cast<char>('a' + random_.below(kLetters)))};
      if (one_in(8)) request.deadline = time(2s);
      const auto at = at_once ? Nanoseconds{} : time(kPlay * 3 / 4);
      act(at, Kind::kSubmit, caller()).request = i;
      const auto whim = random_.below(12);
      if (whim <= 1)
        act(at + time(one_in(2) ? 20ms : 500ms), whim == 0 ? Kind::kCancel : Kind::kDisconnect).request = i;
    }
  }

  /// Half of the troubles come while a request is young, when most is under way.
  Nanoseconds moment() {
    if (one_in(2)) return time(kPlay);
    for (;;)
      if (const auto& call = plan_.acts[random_.below(plan_.acts.size())]; call.kind == Kind::kSubmit)
        return call.at + time(60ms);
  }

  std::size_t any_node() { return random_.below(plan_.cluster.nodes.size()); }
  std::size_t other_than(std::size_t node) {
    return (node + 1 + random_.below(plan_.cluster.nodes.size() - 1)) % plan_.cluster.nodes.size();
  }
  std::size_t with_machines() {
    for (;;)
      if (const auto node = any_node(); !plan_.cluster.nodes[node].machines.empty()) return node;
  }

  void spell(Kind begins, Kind ends, std::size_t node, std::size_t other, Nanoseconds longest) {
    const auto at = moment();
    act(at, begins, node, other);
    act(at + time(longest), ends, node, other);
  }

  void trouble() {
    plan_.has_faults = true;
    const auto times = [&] { return between(1, 3); };
    if (one_in(3)) kv();
    if (one_in(3))
      for (auto n = times(); n > 0; --n) spell(Kind::kKill, Kind::kStart, any_node(), 0, one_in(2) ? 50ms : 1500ms);
    if (one_in(4)) spell(Kind::kCut, Kind::kHeal, any_node(), 0, 4s);
    if (one_in(4)) {
      const auto node = any_node();
      spell(Kind::kCutPair, Kind::kHealPair, node, other_than(node), 4s);
    }
    if (one_in(4))
      for (auto n = times(); n > 0; --n) {
        const auto node = any_node();
        act(moment(), Kind::kBreak, node, other_than(node));
      }
    if (one_in(4)) spell(Kind::kStall, Kind::kWake, any_node(), 0, one_in(2) ? 500ms : 4s);
    if (one_in(5))
      for (auto n = times(); n > 0; --n) {
        constexpr Role kRoles[] = {Role::kPrompt, Role::kToken, Role::kMixed};
        act(moment(), Kind::kChangeRole, with_machines(), random_.below(fronts_)).role = kRoles[random_.below(3)];
      }
    if (one_in(6)) spell(Kind::kDrain, Kind::kUndrain, with_machines(), random_.below(fronts_), 2s);
    if (one_in(6)) {
      const auto node = with_machines();
      const auto at = moment();
      act(at, Kind::kSlow, node).factor = between(2, 10);
      act(at + time(1s), Kind::kFast, node);
    }
    if (one_in(8)) plan_.step_faults = static_cast<std::uint32_t>(between(1, 30));
    if (one_in(10)) one_stays_dead();
  }

  void more_trouble() {
    if (one_in(4))
      for (auto n = between(1, 2); n > 0; --n) end_actor();
    if (one_in(10)) {
      const auto at = moment();
      auto& crash = act(at, Kind::kCrash, any_node());
      crash.which = random_.below(3);
      restarted_by_ = std::max(restarted_by_, at + kRestarted);
    }
    if (plan_.cluster.balance && one_in(3)) end_renewed_actor();
    if (one_in(10)) part_while_prompts_run();
  }

  /// A router and a token machine lose each other while prompts are slow: the requests move, and what the first machine
  /// says of their end crosses what the second one orders.
  void part_while_prompts_run() {
    const auto& nodes = plan_.cluster.nodes;
    const auto at = moment();
    for (std::size_t node = 0; node < nodes.size(); ++node) {
      const auto has = [&](Role role) {
        return std::find(nodes[node].machines.begin(), nodes[node].machines.end(), role) != nodes[node].machines.end();
      };
      if (has(Role::kPrompt)) {
        act(std::max(Nanoseconds{}, at - 50ms), Kind::kSlow, node).factor = 10;
        act(at + 500ms, Kind::kFast, node);
      }
      if (!has(Role::kToken)) continue;
      for (std::size_t front = 0; front < fronts_; ++front)
        if (nodes[front].routes && one_in(2)) act(at + time(5ms), Kind::kBreak, front, node);
    }
  }

  /// One after the other, where the others can do without it.
  void roll() {
    plan_.rolling = true;
    const auto& nodes = plan_.cluster.nodes;
    const auto callers = std::count_if(nodes.begin(), nodes.end(), [](const auto& each) { return each.calls; });
    const auto routers = std::count_if(nodes.begin(), nodes.end(), [](const auto& each) { return each.routes; });
    for (auto n = between(1, 3); n > 0; --n) {
      const auto node = any_node();
      if ((nodes[node].calls && callers < 2) || (nodes[node].routes && routers < 2)) continue;
      act(moment(), Kind::kRetire, node);
    }
  }

  void end_actor() {
    auto& end = act(moment(), Kind::kEndActor);
    end.actor = one_in(2) ? kMachineActors[random_.below(std::size(kMachineActors))]
                          : kOtherActors[random_.below(std::size(kOtherActors))];
    how_it_ends(end);
    restarted_by_ = std::max(restarted_by_, end.at + kRestarted);
  }

  void end_renewed_actor() {
    auto& end = act(moment(), Kind::kEndActor);
    end.actor = kRenewedActors[random_.below(std::size(kRenewedActors))];
    how_it_ends(end);
  }

  void how_it_ends(Act& end) {
    constexpr caf::exit_reason kReasons[] = {caf::exit_reason::kill, caf::exit_reason::unhandled_exception,
                                             caf::exit_reason::user_shutdown, caf::exit_reason::unknown};
    end.which = random_.below(1000);
    end.after_messages = random_.below(80);
    end.reason = kReasons[random_.below(std::size(kReasons))];
  }

  void kv() {
    auto& kv = plan_.kv;
    const auto some = [&] { return one_in(2) ? 0u : static_cast<std::uint32_t>(between(5, 150)); };
    kv.drop = some();
    kv.corrupt = some();
    kv.duplicate = some();
    kv.late = one_in(2) ? 0u : static_cast<std::uint32_t>(between(50, 700));
    kv.latest = one_in(4) ? time(3s) : time(20ms);
  }

  /// One whose absence leaves machines, and nobody's only router.
  void one_stays_dead() {
    const auto& nodes = plan_.cluster.nodes;
    const auto node = fronts_ + random_.below(nodes.size() - fronts_);
    const auto serving =
        std::count_if(nodes.begin(), nodes.end(), [](const auto& each) { return !each.machines.empty(); });
    if (serving < 2) return;
    plan_.dead = node;
    act(moment(), Kind::kKill, node);
  }

  RandomStream random_;
  RandomStream later_;
  Nanoseconds restarted_by_{};
  bool faults_;
  std::size_t fronts_ = 1;
  Plan plan_;
};

const char* words_of(Kind kind) {
  switch (kind) {
    case Kind::kSubmit:
      return "takes request";
    case Kind::kCancel:
      return "cancels request";
    case Kind::kDisconnect:
      return "client gone of request";
    case Kind::kKill:
      return "dies";
    case Kind::kStart:
      return "starts again";
    case Kind::kCut:
      return "is cut off";
    case Kind::kHeal:
      return "is reachable again";
    case Kind::kCutPair:
      return "is cut off from";
    case Kind::kHealPair:
      return "reaches again";
    case Kind::kBreak:
      return "loses its connection with";
    case Kind::kStall:
      return "stalls";
    case Kind::kWake:
      return "wakes up";
    case Kind::kChangeRole:
      return "becomes";
    case Kind::kDrain:
      return "drains";
    case Kind::kUndrain:
      return "drains no more";
    case Kind::kSlow:
      return "computes slowly, by";
    case Kind::kFast:
      return "computes as before";
    case Kind::kRetire:
      return "is drained and replaced";
    case Kind::kCrash:
      return "ends as soon as it is started, this often more:";
    case Kind::kEndActor:
      return "ends, an actor";
  }
  return "";
}

}  // namespace

std::string in_words(const Act& act, const ClusterOptions& cluster) {
  char time[32];
  std::snprintf(time, sizeof time, "%.6f s: ", std::chrono::duration<double>(act.at).count());
  std::string text = time;
  const bool of_a_client = act.kind == Kind::kCancel || act.kind == Kind::kDisconnect;
  if (act.kind == Kind::kEndActor) {
    return text + "one of the actors named " + act.actor + " ends (number " + std::to_string(act.which) + " of them, " +
           std::to_string(act.after_messages) + " messages later)";
  }
  if (!of_a_client) text += cluster.nodes.at(act.node).name + " ";
  text += words_of(act.kind);
  if (of_a_client || act.kind == Kind::kSubmit) text += " " + std::to_string(act.request + 1);
  if (act.kind == Kind::kCutPair || act.kind == Kind::kHealPair || act.kind == Kind::kBreak)
    text += " " + cluster.nodes.at(act.other).name;
  if (act.kind == Kind::kChangeRole) text += std::string(" ") + to_string(act.role);
  if (act.kind == Kind::kCrash) text += " " + std::to_string(act.which);
  if (act.kind == Kind::kSlow) text += " a factor of " + std::to_string(act.factor);
  return text;
}

Plan plan_of(std::uint64_t seed, bool faults) { return Planner(seed, faults).make(); }

}  // namespace troupe::hunt
