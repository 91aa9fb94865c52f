// The accounts of one simulated run: what became of each request, what each machine did, and what the report draws over
// time.
//
// Owns: the rows of a SimulationOutcome as they fill. Told by the devices of steps, by the client of tokens and ends,
// by the beats of KV in use; nobody in the cluster reads it, so it decides nothing. Times are since the load's
// beginning.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/device/modelled_device.hpp"
#include "runtime/simulation/outcome.hpp"
#include "runtime/workload/arrival.hpp"

namespace troupe::simulate {

/// Requests are numbered by their place in the load, from 0.
using Place = std::size_t;

/// The id under which the cluster knows a request.
inline RequestId id_of(Place place) { return RequestId{place + 1}; }
inline Place place_of(RequestId id) { return static_cast<Place>(id.value - 1); }

class Ledger {
 public:
  /// `machines`: name, role, hardware and capacity; the rest is filled in here. `roles`: of the machines, in order.
  Ledger(const workload::Load& load, std::vector<simulation::MachineOutcome> machines,
         std::vector<policies::Role> roles);

  void routed(RequestId request, const policies::RoutingDecision& decision);
  void step_began(std::size_t machine, const device::Step& step, const device::StepWork& work, double now,
                  double takes);
  /// The role policy gave the machine another role.
  void role_changed(std::size_t machine, policies::Role role, const std::string& why, double now);
  void first_token(Place place, double prompt_began, double now);
  /// A token after the first came.
  void next_token(Place place, double now);
  void last_token(Place place, double now) { request(place).e2e_s = now - request(place).arrival_s; }
  void ended(Place place, simulation::RequestStatus status);
  /// The request's tokens were not those that its prompt calls for.
  void wrong_text(RequestId id);
  void kv_arrived(RequestId id, double took) { request(place_of(id)).transfer_s += took; }
  /// KV positions in use and requests that wait, at a beat.
  void kv_in_use(std::size_t machine, double bytes);
  void beat(double now, double waiting);

  std::size_t ended_count() const { return ended_; }
  std::size_t wrong_texts() const { return wrong_; }
  /// The run is over.
  simulation::SimulationOutcome close(double now);

 private:
  struct MachineNow {
    policies::Role role;
    bool away = false;  // last seen at work that is not its role's
    double away_since = 0;
    double kv_bytes = 0;
  };

  simulation::RequestOutcome& request(Place place) { return outcome_.requests.at(place); }
  /// Steps that ended before `now` leave the series.
  void let_steps_end(double now);
  void seen_at(std::size_t machine, bool away, double now);

  /// When a step ends, and how many sequences and prompts were in it.
  struct StepEnd {
    double at;
    std::int64_t sequences;
    std::int64_t prompts;
    bool operator>(const StepEnd& other) const { return at > other.at; }
  };
  simulation::SimulationOutcome outcome_;
  std::vector<MachineNow> machines_;
  std::vector<double> prompt_done_;  // of requests: when the first token came
  std::vector<double> last_came_;    // of requests: when the token before came
  std::priority_queue<StepEnd, std::vector<StepEnd>, std::greater<>> ends_;
  std::size_t ended_ = 0;
  std::size_t wrong_ = 0;
};

}  // namespace troupe::simulate
