#include "tools/troupe/machine_view.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using Json = nlohmann::json;

std::string text(const Json& object, const char* key, std::size_t most = 64) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return "-";
  auto word = found->get<std::string>().substr(0, most);
  // Nothing that a terminal would obey.
  std::replace_if(
      word.begin(), word.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return word;
}

std::int64_t count(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

}  // namespace

Result<std::vector<MachineLine>> machine_lines(const std::string& status_json) {
  const Json json = Json::parse(status_json, nullptr, false);
  if (!json.is_object() || !json.contains("machines") || !json["machines"].is_array())
    return Error{ErrorCode::kInvalidInput, "What came back is not a Troupe server's status. Is the URL right?"};
  std::vector<MachineLine> lines;
  for (const auto& machine : json["machines"]) {
    if (!machine.is_object()) continue;
    MachineLine line{text(machine, "name"), text(machine, "node"), text(machine, "role"), text(machine, "state")};
    line.running = count(machine, "running");
    line.waiting = count(machine, "waiting");
    if (machine.contains("blocks") && machine["blocks"].is_object()) line.held = count(machine["blocks"], "held");
    line.home_role = machine.contains("home_role") ? text(machine, "home_role") : line.role;
    line.role_for_s = count(machine, "role_for_s");
    line.role_why = machine.contains("role_why") ? text(machine, "role_why", 256) : "";
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string roles_table(const std::vector<MachineLine>& machines) {
  std::size_t name = 7, node = 4;
  for (const auto& machine : machines) {
    name = std::max(name, machine.name.size());
    node = std::max(node, machine.node.size());
  }
  const auto padded = [](std::string word, std::size_t width) { return word.append(width + 2 - word.size(), ' '); };
  std::string out = padded("MACHINE", name) + padded("NODE", node) + padded("ROLE", 6) + "STATE\n";
  for (const auto& machine : machines)
    out += padded(machine.name, name) + padded(machine.node, node) +
           padded(machine.role, std::max<std::size_t>(6, machine.role.size())) + machine.state + "\n";
  for (const auto& machine : machines) {
    if (machine.home_role == machine.role) continue;
    out += machine.name + " is a " + machine.home_role + " machine by rights; " + machine.role + " for " +
           std::to_string(machine.role_for_s) + " s" + (machine.role_why.empty() ? "" : ": " + machine.role_why) + "\n";
  }
  return out;
}

CLI::Validator a_name() {
  return CLI::Validator(
      [](std::string& name) {
        const bool plain = !name.empty() && name.size() <= 64 &&
                           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
        return plain ? std::string{} : "a name has letters a to z, digits and - only";
      },
      "");
}

}  // namespace troupe
