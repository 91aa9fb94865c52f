#include "tools/troupe/status_table.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using Json = nlohmann::json;
using Row = std::vector<std::string>;

constexpr const char* kStates[] = {"free",      "reserved",    "advertised", "committed",
                                   "in_flight", "quarantined", "held",       "total"};

std::string cell(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "-";
  if (!found->is_string()) return found->is_primitive() ? found->dump() : "-";
  std::string text = found->get<std::string>().substr(0, 80);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text.empty() ? "-" : text;
}

std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] + 2 - row[i].size(), ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

bool is_list_of_objects(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_array() &&
         std::all_of(json[key].begin(), json[key].end(), [](const Json& entry) { return entry.is_object(); });
}

}  // namespace

Result<std::string> status_table(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !is_list_of_objects(json, "nodes") || !is_list_of_objects(json, "machines")) {
    return Error{ErrorCode::kInvalidInput, "What came back is not a Troupe server's status. Is the URL right?"};
  }
  std::string out;
  if (json.contains("model") && json["model"].is_string()) out += "model  " + cell(json, "model") + "\n\n";
  std::vector<Row> nodes = {{"NODE", "PID", "STATE", "ROUTER"}};
  for (const Json& node : json["nodes"])
    nodes.push_back({cell(node, "name"), cell(node, "pid"), cell(node, "state"), cell(node, "router")});
  out += table(nodes) + "\n";
  std::vector<Row> machines = {{"MACHINE", "NODE", "ROLE", "RUNNING", "WAITING"}};
  std::vector<Row> blocks = {{"KV BLOCKS"}};
  for (const char* state : kStates) blocks[0].push_back(state);
  for (const Json& machine : json["machines"]) {
    machines.push_back({cell(machine, "name"), cell(machine, "node"), cell(machine, "role"), cell(machine, "running"),
                        cell(machine, "waiting")});
    Row row = {cell(machine, "name")};
    const Json counts =
        machine.contains("blocks") && machine["blocks"].is_object() ? machine["blocks"] : Json::object();
    for (const char* state : kStates) row.push_back(cell(counts, state));
    blocks.push_back(std::move(row));
  }
  out += table(machines) + "\n" + table(blocks);
  return out;
}

}  // namespace troupe
