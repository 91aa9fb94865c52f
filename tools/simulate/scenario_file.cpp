#include "tools/simulate/scenario_file.hpp"

#include <cmath>
#include <functional>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/number.hpp"
#include "runtime/config/document.hpp"
#include "runtime/config/problems.hpp"

namespace troupe::simulate {
namespace {

using config::Node;
using config::Problems;

/// Keys of one mapping, each with what reads its value.
using Readers = std::vector<std::pair<std::string, std::function<void(const Node&)>>>;

void read_mapping(const Node& node, const std::string& what, const Readers& readers, Problems& problems) {
  if (node.kind != Node::Kind::kMapping) {
    problems.add(node.place, what + " is " + node.described(), "a mapping");
    return;
  }
  std::vector<std::string> known;
  for (const auto& [name, read] : readers) known.push_back(name);
  for (const auto& [key, value] : node.entries) {
    bool found = false;
    for (const auto& [name, read] : readers) {
      if (name != key.text) continue;
      read(value);
      found = true;
    }
    if (!found)
      problems.add(key.place, what + " has no key " + config::in_quotes(key.text) + did_you_mean(key.text, known),
                   config::one_of(known));
  }
}

void read_word(const Node& node, std::string& slot, Problems& problems) {
  if (node.kind == Node::Kind::kScalar && !node.text.empty())
    slot = node.text;
  else
    problems.add(node.place, "this is " + node.described(), "a word");
}

void read_limits(const Node& node, std::array<double, 3>& slot, Problems& problems) {
  bool good = node.kind == Node::Kind::kSequence && node.items.size() == slot.size();
  for (std::size_t i = 0; good && i < slot.size(); ++i) {
    const auto value =
        node.items[i].kind == Node::Kind::kScalar ? parse_number<double>(node.items[i].text) : std::nullopt;
    good = value && *value > 0;
    if (good) slot[i] = *value;
  }
  if (!good)
    problems.add(node.place, "the limits are " + node.described(),
                 "three slowdowns above 0, at P50, P90 and P99, as [2, 3, 6]");
}

void read_splits(const Node& node, ScenarioFile& out, Problems& problems) {
  if (node.kind != Node::Kind::kMapping || node.entries.empty()) {
    problems.add(node.place, "splits is " + node.described(), "a mapping from names to machines");
    return;
  }
  for (const auto& [key, value] : node.entries) {
    std::string machines;
    read_word(value, machines, problems);
    out.splits.emplace_back(key.text, machines);
  }
}

}  // namespace

Result<std::string> ScenarioFile::machines_of(std::string_view split) const {
  if (split.empty()) return splits.front().second;
  std::vector<std::string> names;
  for (const auto& [name, machines] : splits) {
    if (name == split) return machines;
    names.push_back(name);
  }
  return Error{ErrorCode::kInvalidInput, name + " has no split \"" + std::string(split.substr(0, 64)) + "\"" +
                                             did_you_mean(split, names) + "; it has " + config::one_of(names) + "."};
}

Result<ScenarioFile> parse_scenario(std::string_view text, const std::string& file) {
  Problems problems(file, text);
  ScenarioFile out;
  const auto word = [&](std::string& slot) {
    return [&problems, &slot](const Node& node) { read_word(node, slot, problems); };
  };
  const auto limits = [&](std::array<double, 3>& slot) {
    return [&problems, &slot](const Node& node) { read_limits(node, slot, problems); };
  };
  const auto parallel = [&](const Node& node) {
    const auto value = node.kind == Node::Kind::kScalar ? parse_number<double>(node.text) : std::nullopt;
    if (value && *value >= 1 && *value <= 64 && *value == std::floor(*value))
      out.tensor_parallel = static_cast<std::int32_t>(*value);
    else
      problems.add(node.place, "tensor_parallel is " + node.described(), "a whole number from 1 to 64");
  };
  const Readers slo{{"reference", word(out.slo.reference)},
                    {"ttft", limits(out.slo.limits.ttft)},
                    {"tbt", limits(out.slo.limits.tbt)},
                    {"e2e", limits(out.slo.limits.e2e)}};
  const Readers readers{{"name", word(out.name)},
                        {"model", word(out.model)},
                        {"policy", word(out.policy)},
                        {"performance_model", word(out.performance_model)},
                        {"tensor_parallel", parallel},
                        {"splits", [&](const Node& node) { read_splits(node, out, problems); }},
                        {"slo", [&](const Node& node) { read_mapping(node, "slo", slo, problems); }}};
  const auto root = config::parse_document(text, problems);
  if (root) {
    read_mapping(*root, "a scenario", readers, problems);
    if (problems.empty() && (out.name.empty() || out.model.empty() || out.policy.empty() || out.splits.empty()))
      problems.add({1, 1, 1}, "a scenario needs name, model, policy and splits", "all four");
  }
  if (!problems.empty()) return problems.error();
  return out;
}

Result<ScenarioFile> read_scenario(const std::string& path) {
  TRY(text, read_file(path, config::kMostFileBytes));
  return parse_scenario(text, path);
}

}  // namespace troupe::simulate
