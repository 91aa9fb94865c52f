#include "tools/hunt/coverage.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace troupe::hunt {
namespace {

constexpr std::string_view kFaults[] = {
    "fault: a client cancels",
    "fault: a client goes away",
    "fault: a node dies",
    "fault: a node is cut off",
    "fault: two nodes are cut off from each other",
    "fault: a connection breaks",
    "fault: a node stalls",
    "fault: a role is changed by order",
    "fault: machines drain and serve again",
    "fault: a device is slow",
    "fault: a piece of KV is lost",
    "fault: a piece of KV is damaged",
    "fault: a piece of KV comes twice",
    "fault: a piece of KV is late",
    "fault: a node is drained and replaced",
    "fault: a node ends as soon as it is started",
};

std::string ending(std::string_view actor) { return "fault: an actor ends, " + std::string(actor); }

std::vector<std::string> all() {
  std::vector<std::string> names(std::begin(kFaults), std::end(kFaults));
  for (const auto* const actor : kMachineActors) names.push_back(ending(actor));
  for (const auto* const actor : kOtherActors) names.push_back(ending(actor));
  for (const auto* const actor : kRenewedActors) names.push_back(ending(actor));
  names.insert(names.end(), std::begin(kRareSituations), std::end(kRareSituations));
  return names;
}

}  // namespace

const std::vector<std::string>& what_may_happen() {
  static const std::vector<std::string> names = all();
  return names;
}

void Coverage::fault(std::string_view what) {
  const std::string name = "fault: " + std::string(what);
  const auto& known = what_may_happen();
  CHECK(std::find(known.begin(), known.end(), name) != known.end(), name);
  ++faults_[name];
}

Happened Coverage::happened() const {
  auto all = faults_;
  for (std::size_t i = 0; i < kRares; ++i)
    if (rares_[i] > 0) all[kRareSituations[i]] = rares_[i];
  return all;
}

}  // namespace troupe::hunt
