// Assigns requests to machines.
// Owns: the table of machines and what each has been given. Promises: one decision at a time, so that each sees the one
// before; every request is answered with machines or a reason; when a machine leaves, its requests are told; what
// another router gave machines to can be adopted, so that one that stood by goes on where that one stopped. Refuses:
// past the waiting limit, and what fits no machine.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "actors/messages/routing.hpp"
#include "actors/router/measurements.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

struct RouterLimits {
  std::int32_t max_waiting =
      1024;  ///< requests whose prompt has not run; past it a new one is refused with kOverloaded
};

class Router final : public exec::Actor<RouterActor::base> {
 public:
  Router(caf::actor_config& config, RouterLimits limits, RoutingPolicyActor policy);
  const char* name() const override { return "router"; }

 protected:
  RouterActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  struct Machine {
    MachineJoined what;
    policies::MachineView load;
  };
  struct Assigned {
    RouteRequest what;
    MachineId prompt_machine;
    MachineId token_machine;
    bool prompt_done = false;
    TimePoint at;               // when it was assigned; none where another router did it
    TimePoint prompt_done_at;   // none where another router heard of it
    std::int64_t running = 0;   // sequences on its token machine then, itself among them
    NodeId from, to;            // where its KV travels
    std::int64_t kv_bytes = 0;  // how much; 0: none travels
  };

  void on(RouteRequest& request);
  void on(AdoptRequest& adopt);
  void on(const RouteDecided& decided);
  void on(const PromptPhaseDone& done);
  void on(const RequestLeft& left);
  void on(const MachineLeft& left);
  LoadSnapshot loads() const;
  void decide_next();
  /// What the policy sees for this request: the snapshot before, brought up to date, where that holds all machines.
  std::shared_ptr<const policies::RoutingSnapshot> snapshot_for(const RouteRequest& request);
  void fill(policies::RoutingSnapshot& snapshot, const RouteRequest& request) const;
  /// Takes account of machines that came, left or changed otherwise than in their load.
  void survey();
  /// What the last snapshot says of this machine's load may not hold any more.
  void outdated(MachineId machine);
  std::optional<Error> why_not(const RouteRequest& request) const;
  /// Counts the request to what its machines have been given.
  void assign(Assigned assigned);
  /// Adds a request to, or with -1 takes it from, the load of those of its machines that are here and `wanted`.
  template <class Wanted>
  void weigh(const Assigned& assigned, int sign, Wanted wanted);
  void weigh(const Assigned& assigned, int sign);
  /// The prompt of the request is not waited for any more.
  void prompt_leaves(Assigned& assigned);
  /// What the request shows of its machine's speed, now that it leaves.
  void tokens_came(const Assigned& request, std::int32_t generated);
  void forget(RequestId request);
  Assigned* assigned(RequestId request, Attempt attempt);

  RouterLimits limits_;
  RoutingPolicyActor policy_;
  std::map<MachineId, Machine> machines_;
  /// The last snapshot, where it holds every machine, and the machines of which it may be out of date.
  std::shared_ptr<policies::RoutingSnapshot> snapshot_;
  std::vector<MachineId> outdated_;
  std::int64_t smallest_ = 0;     // KV positions of the smallest machine
  std::int64_t largest_ = 0;      // and of the largest
  bool any_drains_ = false;       // some machine gets no new requests
  bool machines_differ_ = false;  // from what the last survey saw
  std::unordered_map<RequestId, Assigned> assigned_;
  Measurements measured_;
  std::deque<RouteRequest> undecided_;  // the first is with the policy
  bool machines_changed_ = false;       // since the policy was asked
  bool first_left_ = false;             // while the policy thought about it
  std::int32_t waiting_ = 0;            // assigned requests whose prompt has not run
};

}  // namespace troupe
