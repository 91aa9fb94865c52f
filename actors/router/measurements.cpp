#include "actors/router/measurements.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace troupe {
namespace {

/// How much of what is known of a machine's speed is left after one more prompt: the last ten or so count.
constexpr double kMemory = 0.9;

/// Observations count by their tokens; of what is known, this share is left after as many as kPaceTokens.
constexpr double kPaceMemory = 0.9;
constexpr double kPaceTokens = 100;
/// So much spread of running sequences, squared, is needed before the slope counts for half.
constexpr double kEnoughSpread = 4;

}  // namespace

policies::DecodePace Measurements::Pace::line() const {
  const double mean_gap = gap_s / weight, mean_running = running / weight;
  const double spread = std::max(0.0, running_squared / weight - mean_running * mean_running);
  const double slope = std::max(0.0, (product / weight - mean_gap * mean_running) / (spread + kEnoughSpread));
  // A step costs something without any sequence; the slope may take no more than all of it away.
  const double step = std::max(0.0, mean_gap - slope * mean_running);
  return {step, slope};
}

void Measurements::tokens_came(MachineId id, std::int64_t tokens, std::chrono::nanoseconds took, double running) {
  if (tokens <= 0 || took.count() <= 0) return;
  auto& pace = machines_[id].pace;
  const auto weight = static_cast<double>(tokens);
  const double left = std::pow(kPaceMemory, weight / kPaceTokens);
  const double gap_s = std::chrono::duration<double>(took).count() / weight;
  const auto add = [&](double& sum, double value) { sum = sum * left + weight * value; };
  add(pace.weight, 1);
  add(pace.gap_s, gap_s);
  add(pace.running, running);
  add(pace.running_squared, running * running);
  add(pace.product, running * gap_s);
}

void Measurements::prompt_ran(MachineId id, std::int64_t tokens, TimePoint given, TimePoint now) {
  auto& machine = machines_[id];
  // Prompts run first come first served: this one's time began when the one before it had ended. Those of one step end
  // together, and the first of them is counted with the time of all.
  const auto began = std::max(given, machine.last_ran);
  machine.last_ran = now;
  machine.tokens = machine.tokens * kMemory + static_cast<double>(tokens);
  machine.seconds = machine.seconds * kMemory + std::chrono::duration<double>(now - began).count();
}

void Measurements::kv_on_the_way(NodeId from, NodeId to, std::int64_t bytes) {
  auto& under_way = bytes_under_way_[{from, to}];
  under_way += bytes;
  if (under_way == 0) bytes_under_way_.erase({from, to});
}

void Measurements::on(const KvRoomHeard& heard) { machines_[heard.machine].kv_free = heard.free_positions; }

void Measurements::on(const LinkMeasured& measured) {
  if (!(measured.bytes_per_s > 0)) return;
  links_[{measured.from, measured.to}] = {measured.from, measured.to, measured.round_trip, measured.bytes_per_s, 0};
}

void Measurements::kv_promised(MachineId id, std::int64_t tokens) {
  const auto machine = machines_.find(id);
  if (machine != machines_.end() && machine->second.kv_free) *machine->second.kv_free -= tokens;
}

void Measurements::show(policies::MachineView& view) const {
  const auto machine = machines_.find(view.id);
  if (machine == machines_.end()) return;
  view.kv_free = machine->second.kv_free;
  if (machine->second.pace.weight > 0) view.pace = machine->second.pace.line();
  if (machine->second.seconds > 0) view.prompt_tokens_per_s = machine->second.tokens / machine->second.seconds;
}

std::vector<policies::LinkView> Measurements::links() const {
  std::vector<policies::LinkView> links;
  for (const auto& [pair, link] : links_) {
    links.push_back(link);
    if (const auto bytes = bytes_under_way_.find(pair); bytes != bytes_under_way_.end())
      links.back().bytes_under_way = bytes->second;
  }
  return links;
}

}  // namespace troupe
