// A cluster that nobody owns: one node of many machines, made of the production actors, on one thread under a virtual
// clock, with modelled devices and a modelled network (decision 023).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/policies/routing_policy.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/cluster_config.hpp"
#include "runtime/device/modelled_device.hpp"
#include "runtime/simulation/outcome.hpp"
#include "runtime/workload/arrival.hpp"

namespace troupe::simulate {

/// One machine as its actors meet it.
struct ModelledMachine {
  std::string name;
  std::string hardware;
  policies::Role role = policies::Role::kMixed;
  std::int32_t blocks = 0;  ///< of KV, at least 1
  std::function<double(const device::StepWork&)> seconds;
  double card_bytes_per_s = 0;      ///< over 0
  std::vector<double> jitter = {};  ///< see device::ModelledDeviceOptions
};

struct ClusterSettings {
  std::uint64_t seed = 0;              ///< of prompts and answers
  std::size_t kv_token_bytes = 1;      ///< at least 1
  std::chrono::nanoseconds latency{};  ///< of the network, one way
  /// What clients wait for each request besides: HTTP and the way to the router, there and back.
  std::chrono::nanoseconds request_overhead{};
  /// And for each token of its prompt.
  std::chrono::nanoseconds prompt_token_overhead{};
  /// What each step takes besides what its device does: the actors around it.
  std::chrono::nanoseconds step_overhead{};
  /// Of one host that all machines, the front and the clients share; 0: machines do not share, and tokens cost nothing
  /// on their way.
  std::int32_t host_cores = 0;
  /// What a core of it does while all are at work, of what it does alone: they share memory, and whatever else
  /// computes.
  double speed_when_full = 1;
  /// Of a core, for each token on its way from its machine to its client.
  std::chrono::nanoseconds token_work{};
  std::int32_t told_max_tokens = 0;  ///< see ClientOptions
  /// Already checked. Read: scheduling but for the routing policy's name, slo, splitwise, roles, link.layer_groups, and
  /// failure.heartbeat, which is how often machines tell the router what of their KV is free. A request_timeout of 0,
  /// which no file has, is none.
  config::ClusterConfig cluster;
};

/// Plays the load to its end; same arguments, same outcome. `show` hears now and then how many requests have ended. An
/// error where a policy that the settings name cannot be made.
Result<simulation::SimulationOutcome> run_cluster(const std::vector<ModelledMachine>& machines,
                                                  std::unique_ptr<policies::RoutingPolicy> policy,
                                                  const workload::Load& load, const ClusterSettings& settings,
                                                  const std::function<void(std::size_t ended)>& show = {});

}  // namespace troupe::simulate
