#include "tools/troupe/blocks_json.hpp"

#include <cstdio>

#include "tools/troupe/text_table.hpp"

namespace troupe {
namespace {

std::int32_t in(const BlockCounts& counts, BlockState state) { return counts[static_cast<std::size_t>(state)]; }

nlohmann::ordered_json counts_json(const BlockCounts& counts) {
  auto json = nlohmann::ordered_json::object();
  for (int state = 0; state < kBlockStates; ++state)
    json[to_string(static_cast<BlockState>(state))] = counts[static_cast<std::size_t>(state)];
  return json;
}

std::int32_t sum(const BlockCounts& counts) {
  std::int32_t all = 0;
  for (const auto count : counts) all += count;
  return all;
}

nlohmann::ordered_json name_or_null(const std::string& name) {
  return name.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(name);
}

std::string seconds(const nlohmann::json& lease) {
  if (!lease.contains("held_s") || !lease["held_s"].is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", lease["held_s"].get<double>());
  return text;
}

}  // namespace

const char* phase_of(const HeldBlocks& held) {
  const bool written = in(held.by_state, BlockState::kCommitted) > 0;
  if (held.sends) return written ? "sending" : "prompt for elsewhere";
  if (in(held.by_state, BlockState::kAdvertised) + in(held.by_state, BlockState::kInFlight) > 0)
    return "prompt elsewhere";
  return written ? "decoding" : "prompt";
}

std::string blocks_json(const std::string& machine, const std::string& node, const MachineBlocks& blocks) {
  using Json = nlohmann::ordered_json;
  auto counts = counts_json(blocks.blocks.by_state);
  const std::int32_t held = blocks.blocks.total - in(blocks.blocks.by_state, BlockState::kFree);
  counts["held"] = held;
  counts["total"] = blocks.blocks.total;
  std::int32_t in_leases = 0;
  Json leases = Json::array();
  for (const auto& lease : blocks.leases) {
    in_leases += sum(lease.by_state);
    leases.push_back({{"request", std::to_string(lease.request.value)},
                      {"home", name_or_null(lease.home)},
                      {"phase", phase_of(lease)},
                      {"peer", name_or_null(lease.peer)},
                      {"held_s", static_cast<double>(lease.held_ns) / 1e9},
                      {"blocks", sum(lease.by_state)},
                      {"by_state", counts_json(lease.by_state)}});
  }
  Json json{{"machine", machine}, {"node", name_or_null(node)}, {"blocks", std::move(counts)}};
  // What holders that are not shown have is not known here, and so neither is what is left.
  json["going_home"] = blocks.left_out > 0 ? Json(nullptr) : Json(held - in_leases);
  json["leases"] = std::move(leases);
  json["left_out"] = blocks.left_out;
  return json.dump();
}

Result<std::string> blocks_table(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !is_list_of_objects(json, "leases") || !json.contains("blocks") ||
      !json["blocks"].is_object())
    return Error{ErrorCode::kInvalidInput, "What came back is not the blocks of a Troupe machine. Is the URL right?"};
  std::string out = "machine  " + table_cell(json, "machine") + "\n";
  if (table_cell(json, "node") != "-") out += "node     " + table_cell(json, "node") + "\n";
  std::vector<TableRow> totals = {{"KV BLOCKS"}, {""}};
  std::vector<TableRow> leases = {{"REQUEST", "OF NODE", "PHASE", "PEER", "HELD FOR", "BLOCKS"}};
  for (int i = 0; i <= kBlockStates + 1; ++i) {
    const char* state = i == kBlockStates ? "held" : i > kBlockStates ? "total" : to_string(static_cast<BlockState>(i));
    totals[0].push_back(state);
    totals[1].push_back(table_cell(json["blocks"], state));
    if (i > 0 && i < kBlockStates) leases[0].push_back(state);
  }
  for (const auto& lease : json["leases"]) {
    TableRow row = {table_cell(lease, "request"),
                    table_cell(lease, "home"),
                    table_cell(lease, "phase"),
                    table_cell(lease, "peer"),
                    seconds(lease),
                    table_cell(lease, "blocks")};
    const bool counted = lease.contains("by_state") && lease["by_state"].is_object();
    for (int i = 1; i < kBlockStates; ++i)
      row.push_back(counted ? table_cell(lease["by_state"], to_string(static_cast<BlockState>(i))) : "-");
    leases.push_back(std::move(row));
  }
  out += "\n" + text_table(totals) + "\n";
  out += leases.size() > 1 ? text_table(leases) : std::string("Nobody holds any.\n");
  if (table_cell(json, "left_out") != "0") out += "... and " + table_cell(json, "left_out") + " requests more.\n";
  if (const auto home = table_cell(json, "going_home"); home != "0" && home != "-")
    out += home + " blocks were given up and are on their way home.\n";
  return out;
}

}  // namespace troupe
