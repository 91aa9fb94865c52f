#include "tools/troupe/status_table.hpp"

#include <string>
#include <vector>

#include "tools/troupe/text_table.hpp"

namespace troupe {
namespace {

using Json = nlohmann::json;
using Row = TableRow;

constexpr const char* kStates[] = {"free",      "reserved",    "advertised", "committed",
                                   "in_flight", "quarantined", "held",       "total"};

}  // namespace

Result<std::string> status_table(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !is_list_of_objects(json, "nodes") || !is_list_of_objects(json, "machines")) {
    return Error{ErrorCode::kInvalidInput, "What came back is not a Troupe server's status. Is the URL right?"};
  }
  std::string out;
  if (json.contains("model") && json["model"].is_string()) out += "model  " + table_cell(json, "model") + "\n\n";
  std::vector<Row> nodes = {{"NODE", "PID", "STATE", "ROUTER"}};
  for (const Json& node : json["nodes"])
    nodes.push_back(
        {table_cell(node, "name"), table_cell(node, "pid"), table_cell(node, "state"), table_cell(node, "router")});
  out += text_table(nodes) + "\n";
  std::vector<Row> machines = {{"MACHINE", "NODE", "ROLE", "RUNNING", "WAITING"}};
  std::vector<Row> blocks = {{"KV BLOCKS"}};
  for (const char* state : kStates) blocks[0].push_back(state);
  for (const Json& machine : json["machines"]) {
    machines.push_back({table_cell(machine, "name"), table_cell(machine, "node"), table_cell(machine, "role"),
                        table_cell(machine, "running"), table_cell(machine, "waiting")});
    Row row = {table_cell(machine, "name")};
    const Json counts =
        machine.contains("blocks") && machine["blocks"].is_object() ? machine["blocks"] : Json::object();
    for (const char* state : kStates) row.push_back(table_cell(counts, state));
    blocks.push_back(std::move(row));
  }
  out += text_table(machines) + "\n" + text_table(blocks);
  return out;
}

}  // namespace troupe
