#include "tools/troupe/status_json.hpp"

#include <nlohmann/json.hpp>

namespace troupe {

Load load_of(const MachineState& machine) {
  // The token actor counts requests that wait for memory and those that decode, the prompt actor those between.
  return {machine.prompts.running + machine.tokens.running, machine.prompts.waiting + machine.tokens.waiting};
}

std::string status_json(const NodeState& node, const ClusterState& cluster) {
  using Json = nlohmann::ordered_json;
  Json machines = Json::array();
  for (const auto& machine : cluster.machines) {
    const auto in = [&](BlockState state) { return machine.blocks.by_state[static_cast<std::size_t>(state)]; };
    Json blocks = Json::object();
    for (int state = 0; state < kBlockStates; ++state)
      blocks[to_string(static_cast<BlockState>(state))] = in(static_cast<BlockState>(state));
    blocks["held"] = machine.blocks.total - in(BlockState::kFree);
    blocks["total"] = machine.blocks.total;
    const Load load = load_of(machine);
    machines.push_back({{"name", machine.name},
                        {"node", machine.node.empty() ? node.name : machine.node},
                        {"role", policies::to_string(machine.role)},
                        {"home_role", policies::to_string(machine.home)},
                        {"role_for_s", std::chrono::duration_cast<std::chrono::seconds>(machine.role_for).count()},
                        {"role_why", machine.why},
                        {"device", machine.device},
                        {"state", !machine.alive     ? "lost"
                                  : machine.draining ? "draining"
                                                     : "serving"},
                        {"running", load.running},
                        {"waiting", load.waiting},
                        {"waiting_tokens", machine.prompts.waiting_tokens},
                        {"preemptions", machine.tokens.preemptions},
                        {"blocks", std::move(blocks)}});
  }
  Json nodes = Json::array();
  if (cluster.nodes.empty()) nodes.push_back({{"name", node.name}, {"pid", node.pid}, {"state", node.state}});
  for (const auto& each : cluster.nodes) {
    Json entry{{"name", each.name}, {"pid", nullptr}, {"state", each.state}};
    if (each.pid != 0) entry["pid"] = each.pid;
    if (!each.router.empty()) entry["router"] = each.router;
    if (each.name == node.name) entry["state"] = node.state;
    nodes.push_back(std::move(entry));
  }
  return Json{{"nodes", std::move(nodes)}, {"machines", std::move(machines)}, {"model", node.model}}.dump();
}

}  // namespace troupe
