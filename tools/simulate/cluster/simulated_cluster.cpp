#include "tools/simulate/cluster/simulated_cluster.hpp"

#include <utility>

#include "actors/balancer/balancer.hpp"
#include "actors/request/deadlines.hpp"
#include "actors/router/policy_actor.hpp"
#include "actors/supervisor/supervisor.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/policy_names.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/later.hpp"
#include "runtime/exec/system.hpp"
#include "runtime/link/modelled_link.hpp"
#include "tools/settings/settings.hpp"
#include "tools/simulate/cluster/beats.hpp"
#include "tools/simulate/cluster/client.hpp"
#include "tools/simulate/cluster/host_cores.hpp"
#include "tools/simulate/cluster/ledger.hpp"
#include "tools/simulate/cluster/orders.hpp"

namespace troupe::simulate {
namespace {

constexpr std::int32_t kVocabulary = 32'000;
/// Events between two looks at whether all is done, and between two words of progress.
constexpr std::size_t kEventsBetweenLooks = 4096;

/// A policy whose decisions are written down.
class NotedPolicy final : public policies::RoutingPolicy {
 public:
  NotedPolicy(std::unique_ptr<policies::RoutingPolicy> policy, std::shared_ptr<Ledger> ledger)
      : policy_(std::move(policy)), ledger_(std::move(ledger)) {}
  policies::RoutingDecision decide(const policies::RoutingSnapshot& snapshot) override {
    auto decision = policy_->decide(snapshot);
    ledger_->routed(snapshot.request, decision);
    return decision;
  }

 private:
  std::unique_ptr<policies::RoutingPolicy> policy_;
  std::shared_ptr<Ledger> ledger_;
};

/// Nobody reads the text of a simulated answer: it has no words, and no token has any.
std::shared_ptr<const model::Tokenizer> wordless() {
  auto tokenizer = model::Tokenizer::parse(
      R"({"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel",)"
      R"("add_prefix_space":false,"trim_offsets":true,"use_regex":false},"post_processor":null,)"
      R"("decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{},"merges":[]}})",
      "the simulator's tokenizer");
  CHECK(tokenizer.ok(), tokenizer.error().message);
  return *tokenizer;
}

std::shared_ptr<Ledger> open_ledger(const std::vector<ModelledMachine>& machines, const workload::Load& load,
                                    const ClusterSettings& settings) {
  std::vector<simulation::MachineOutcome> rows;
  std::vector<policies::Role> roles;
  for (const auto& machine : machines) {
    auto& row = rows.emplace_back();
    row.name = machine.name;
    row.role = policies::to_string(machine.role);
    row.hardware = machine.hardware;
    row.kv_capacity_bytes = static_cast<double>(machine.blocks) * static_cast<double>(kernels::kBlockPositions) *
                            static_cast<double>(settings.kv_token_bytes);
    roles.push_back(machine.role);
  }
  return std::make_shared<Ledger>(load, std::move(rows), std::move(roles));
}

void start_balancer(exec::VirtualSystem& system, BalancerOptions options, const RouterActor& router,
                    const std::shared_ptr<Ledger>& ledger, const std::vector<ModelledMachine>& machines) {
  std::vector<policies::Role> homes;
  for (const auto& machine : machines) homes.push_back(machine.role);
  options.router = router;
  options.orders = system.spawn<Orders>(router, std::move(homes), ledger);
  options.tell = [](const std::string&, const std::string&, const std::string&) {};
  system.spawn<Balancer>(std::move(options));
}

}  // namespace

Result<simulation::SimulationOutcome> run_cluster(const std::vector<ModelledMachine>& machines,
                                                  std::unique_ptr<policies::RoutingPolicy> policy,
                                                  const workload::Load& load, const ClusterSettings& settings,
                                                  const std::function<void(std::size_t)>& show) {
  CHECK(!machines.empty() && !load.empty() && policy != nullptr);
  const auto& cluster = settings.cluster;
  TRY(balancer, balancer_options(cluster));
  const auto ledger = open_ledger(machines, load, settings);
  exec::VirtualSystem system;
  const auto began = system.now();
  const auto now = [&system, began] { return std::chrono::duration<double>(system.now() - began).count(); };
  const auto later = system.spawn<exec::Later>();

  const auto clock = [&system] { return std::chrono::nanoseconds(system.now().time_since_epoch()); };
  device::SpendTime spend;
  if (settings.host_cores > 0)
    spend = [cores = std::make_shared<HostCores>(settings.host_cores, exec::run_after(later), clock,
                                                 settings.speed_when_full)](
                std::chrono::nanoseconds time, std::function<void()> done) { cores->run(time, std::move(done)); };

  const RoutingPolicyActor host = system.spawn<RoutingPolicyHost>(
      std::shared_ptr<policies::RoutingPolicy>(std::make_shared<NotedPolicy>(std::move(policy), ledger)));
  const RouterActor router = system.spawn<Router>(router_limits(cluster.shared), host);
  const DeadlinesActor deadlines = system.spawn<Deadlines>();

  link::ModelledOptions network;
  network.later = exec::run_after(later);
  network.now = clock;
  network.latency = settings.latency;
  std::vector<MachineSpec> specs;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    const auto& machine = machines[i];
    device::ModelledDeviceOptions options;
    options.name = machine.hardware;
    options.blocks = machine.blocks;
    options.vocab_size = kVocabulary;
    options.layer_groups = static_cast<std::int32_t>(cluster.link.layer_groups);
    options.kv_token_bytes = settings.kv_token_bytes;
    options.seconds = [seconds = machine.seconds,
                       besides = std::chrono::duration<double>(settings.step_overhead).count()](
                          const device::StepWork& work) { return seconds(work) + besides; };
    options.spend = spend;
    options.jitter = machine.jitter;
    options.jitter_seed = mix64(settings.seed) ^ i;
    options.began = [ledger, i, now](const device::Step& step, const device::StepWork& work,
                                     std::chrono::nanoseconds takes) {
      ledger->step_began(i, step, work, now(), std::chrono::duration<double>(takes).count());
    };
    if (settings.told_max_tokens > 0)
      options.ends = [&load](RequestId request, std::int32_t index) {
        return index + 1 >= load.at(place_of(request)).output_tokens;
      };
    MachineSpec spec;
    spec.id = MachineId{static_cast<std::uint32_t>(i)};
    spec.name = machine.name;
    spec.role = machine.role;
    spec.device = std::make_shared<device::ModelledDevice>(std::move(options));
    TRY_VOID(tell_how_to_plan(spec, cluster.shared));
    const auto& info = spec.device->info();
    network.cards.push_back({machine.card_bytes_per_s, static_cast<double>(settings.kv_token_bytes) /
                                                           static_cast<double>(info.kv.position_bytes())});
    specs.push_back(std::move(spec));
  }
  NearWay near{link::make_modelled_link(std::move(network)), NodeId{}, router};
  near.carried = [ledger](RequestId request, const link::Arrival& arrival) {
    ledger->kv_arrived(request, std::chrono::duration<double>(arrival.under_way).count());
  };
  const SupervisorActor supervisor = system.spawn<Supervisor>(router, std::move(specs), nullptr, std::move(near));
  system.settle();
  // The first of the role policies never orders anything, and is not asked.
  if (cluster.roles.policy != role_policy_names().front())
    start_balancer(system, std::move(balancer), router, ledger, machines);
  system.spawn<Beats>(BeatsOptions{supervisor, router, ledger, cluster.failure.heartbeat, settings.kv_token_bytes});
  ClientOptions client;
  client.load = &load;
  client.ledger = ledger;
  client.peers = {router, deadlines, wordless()};
  client.vocab_size = kVocabulary;
  client.seed = settings.seed;
  client.overhead = settings.request_overhead;
  client.prompt_token_overhead = settings.prompt_token_overhead;
  client.spend = spend;
  client.token_work = settings.token_work;
  client.told_max_tokens = settings.told_max_tokens;
  client.request_timeout = cluster.shared.scheduling.request_timeout;
  system.spawn<Client>(std::move(client));

  std::uint64_t events = 0;
  while (ledger->ended_count() < load.size()) {
    std::size_t left = kEventsBetweenLooks;
    system.run([&] { return ledger->ended_count() == load.size() || left-- == 0; });
    events += kEventsBetweenLooks - left;
    if (show) show(ledger->ended_count());
  }
  auto outcome = ledger->close(now());
  outcome.events = events;
  return outcome;
}

}  // namespace troupe::simulate
