#include "actors/splitwise_sim/engine.hpp"

#include <algorithm>
#include <chrono>

#include "actors/splitwise_sim/cluster.hpp"
#include "actors/splitwise_sim/ledger.hpp"
#include "actors/splitwise_sim/machine.hpp"
#include "actors/splitwise_sim/timeline.hpp"
#include "runtime/exec/system.hpp"

namespace troupe::splitwise_sim {
namespace {

const char* role_of(Place home) {
  switch (home) {
    case Place::kPrompt:
      return "prompt";
    case Place::kMixed:
      return "mixed";
    case Place::kToken:
      return "token";
  }
  return "?";
}

Result<Routing> routing_of(const std::vector<MachineSpec>& machines) {
  const auto count = [&](Place home) {
    return std::count_if(machines.begin(), machines.end(), [&](const MachineSpec& m) { return m.home == home; });
  };
  const auto prompt = count(Place::kPrompt), mixed = count(Place::kMixed), token = count(Place::kToken);
  if (mixed > 0 && prompt == 0 && token == 0) return Routing::kTokenJsq;
  if (mixed == 0 && prompt > 0 && token > 0) return Routing::kMixedPool;
  return Error{ErrorCode::kInvalidInput,
               "splitwise_sim plays clusters of mixed machines alone, or of prompt and token machines; this one has " +
                   std::to_string(prompt) + " prompt, " + std::to_string(token) + " token and " +
                   std::to_string(mixed) + " mixed machines. Change --machines, or choose another policy."};
}

std::vector<RequestFacts> facts_of(const workload::Load& load) {
  std::vector<RequestFacts> out;
  out.reserve(load.size());
  for (const auto& arrival : load)
    // Divided, not multiplied by 1e-9: so the double is the one that the stamp's decimal digits name.
    out.push_back({static_cast<RequestIndex>(out.size()), static_cast<double>(arrival.at.count()) / 1e9,
                   arrival.prompt_tokens, arrival.output_tokens});
  return out;
}

std::shared_ptr<Account> open_account(const Scenario& scenario) {
  auto account = std::make_shared<Account>();
  for (const auto& arrival : *scenario.load) {
    simulation::RequestOutcome request;
    request.id = arrival.id;
    request.prompt_tokens = arrival.prompt_tokens;
    request.output_tokens = arrival.output_tokens;
    request.arrival_s = static_cast<double>(arrival.at.count()) / 1e9;
    account->outcome.requests.push_back(request);
  }
  for (const auto& spec : scenario.machines) {
    simulation::MachineOutcome machine;
    machine.name = spec.name;
    machine.role = role_of(spec.home);
    machine.hardware = spec.hardware;
    machine.kv_capacity_bytes = static_cast<double>(spec.traits.memory_bytes - spec.traits.weight_bytes);
    account->outcome.machines.push_back(std::move(machine));
    account->weight_bytes.push_back(spec.traits.weight_bytes);
  }
  return account;
}

std::vector<PooledMachine> pooled(const std::vector<MachineSpec>& machines) {
  std::vector<PooledMachine> out;
  for (const auto& spec : machines)
    out.push_back({spec.home, spec.traits.weight_bytes, spec.traits.memory_bytes, spec.traits.kv_bytes_per_token});
  return out;
}

/// Closes the books: series end with the run.
void close_account(Account& account) {
  auto& outcome = account.outcome;
  for (auto* const series : {&outcome.series.running, &outcome.series.prompts, &outcome.series.waiting,
                             &outcome.series.kv_bytes, &outcome.series.mixed_machines, &outcome.series.busy_machines})
    series->finish(outcome.end_s);
}

}  // namespace

Result<simulation::SimulationOutcome> play(const Scenario& scenario,
                                           const std::function<void(std::size_t, std::size_t)>& show) {
  constexpr std::size_t kMessagesBetweenShows = 100'000;
  TRY(routing, routing_of(scenario.machines));
  const auto load = std::make_shared<const std::vector<RequestFacts>>(facts_of(*scenario.load));
  const auto account = open_account(scenario);
  const auto cast = std::make_shared<Cast>();
  exec::VirtualSystem system;
  cast->ledger = system.spawn<Ledger>(account);
  cast->cluster = system.spawn<Cluster>(cast, load, Pools(routing, pooled(scenario.machines)));
  for (const auto& spec : scenario.machines)
    cast->machines.push_back(system.spawn<Machine>(cast, static_cast<MachineIndex>(cast->machines.size()),
                                                   MachineRules(*spec.steps, spec.traits)));
  cast->timeline = system.spawn<Timeline>(cast, *load, scenario.machines.size());
  caf::anon_send(cast->timeline, TimelineTick{});
  bool over = false;
  while (!over) {
    over = system.run_some(kMessagesBetweenShows);
    if (show) show(account->ended, load->size());
  }
  for (const auto& machine : cast->machines) caf::anon_send(machine, CloseBooks{});
  system.settle();
  account->outcome.events = cast->released;
  *cast = {};
  close_account(*account);
  return std::move(account->outcome);
}

}  // namespace troupe::splitwise_sim
