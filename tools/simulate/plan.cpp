#include "tools/simulate/plan.hpp"

#include <algorithm>
#include <array>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/number.hpp"

namespace troupe::simulate {
namespace {

using policies::Role;

Error wrong(std::size_t column, std::string_view group, const std::string& what) {
  return {ErrorCode::kInvalidInput,
          "machines, column " + std::to_string(column) + " (\"" + std::string(group.substr(0, 80)) + "\"): " + what};
}

Result<Role> parse_role(std::string_view word, std::size_t column, std::string_view group) {
  constexpr std::array kRoles{Role::kPrompt, Role::kToken, Role::kMixed};
  std::vector<std::string> names;
  for (const auto role : kRoles) {
    if (word == policies::to_string(role)) return role;
    names.emplace_back(policies::to_string(role));
  }
  return wrong(column, group,
               "there is no role \"" + std::string(word.substr(0, 40)) + "\"" + did_you_mean(word, names) +
                   "; expected prompt, token or mixed, then \":\" and a hardware name, as in prompt:h100-80gb*25.");
}

Result<MachineGroup> parse_group(std::string_view group, std::size_t column, const perf::Catalogue& catalogue) {
  const auto colon = group.find(':');
  if (colon == std::string_view::npos)
    return wrong(column, group, "expected ROLE:HARDWARE*COUNT, as in prompt:h100-80gb*25.");
  MachineGroup out;
  TRY(role, parse_role(group.substr(0, colon), column, group));
  out.role = role;
  auto hardware = group.substr(colon + 1);
  if (const auto star = hardware.find('*'); star != std::string_view::npos) {
    out.count = parse_number<std::int32_t>(hardware.substr(star + 1)).value_or(0);
    if (out.count < 1 || out.count > kMostMachines)
      return wrong(column + colon + 2 + star, group, "expected a count from 1 to 100,000 after \"*\".");
    hardware = hardware.substr(0, star);
  }
  auto found = catalogue.find_hardware(hardware);
  if (!found.ok()) return wrong(column + colon + 1, group, found.error().message);
  out.hardware = std::move(found).value();
  return out;
}

}  // namespace

std::int32_t SimulationPlan::machine_count() const {
  std::int32_t out = 0;
  for (const auto& group : machines) out += group.count;
  return out;
}

Result<std::vector<MachineGroup>> parse_machines(std::string_view text, const perf::Catalogue& catalogue) {
  std::vector<MachineGroup> out;
  std::int64_t total = 0;
  for (std::size_t at = 0;;) {
    const auto comma = std::min(text.find(',', at), text.size());
    TRY(group, parse_group(text.substr(at, comma - at), at + 1, catalogue));
    total += group.count;
    if (total > kMostMachines) return wrong(at + 1, text.substr(at), "there may be 100,000 machines in all.");
    out.push_back(std::move(group));
    if (comma == text.size()) return out;
    at = comma + 1;
  }
}

std::string to_string(const std::vector<MachineGroup>& machines) {
  std::string out;
  for (const auto& group : machines)
    out += (out.empty() ? "" : ",") + std::string(policies::to_string(group.role)) + ":" + group.hardware.name + "*" +
           std::to_string(group.count);
  return out;
}

}  // namespace troupe::simulate
