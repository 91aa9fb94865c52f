#include "actors/policies/split_cost.hpp"

#include <algorithm>
#include <cstdio>

#include "runtime/base/layerwise.hpp"

namespace troupe::policies {
namespace {

const LinkView* link_between(const RoutingSnapshot& snapshot, NodeId from, NodeId to) {
  const auto found = std::find_if(snapshot.links.begin(), snapshot.links.end(),
                                  [&](const LinkView& link) { return link.from == from && link.to == to; });
  return found == snapshot.links.end() ? nullptr : &*found;
}

/// Of the transfer, what is left when the prompt has run.
double exposed_seconds(const LinkView& link, double bytes, double computing_s, const RoutingSettings& settings) {
  const double round_trip_s = std::chrono::duration<double>(link.round_trip).count();
  const double sending_s = bytes / link.bytes_per_s;
  if (bytes < layerwise_bytes(link.round_trip, link.bytes_per_s, settings.layer_groups))
    return round_trip_s + sending_s;
  const double groups = std::max(settings.layer_groups, 1);
  return round_trip_s + std::max(sending_s / groups, sending_s - computing_s * (groups - 1) / groups);
}

}  // namespace

double seconds_alone(const RoutingSnapshot& snapshot, const MachineView& machine, double prompt_tokens_per_s) {
  const double rate = machine.prompt_tokens_per_s.value_or(prompt_tokens_per_s);
  const auto own = static_cast<double>(snapshot.prompt_tokens);
  return (static_cast<double>(machine.pending_prompt_tokens) + own * static_cast<double>(1 + machine.running)) / rate;
}

SplitVerdict weigh_split(const RoutingSnapshot& snapshot, const MachineView& prompt, const MachineView& token,
                         const RoutingSettings& settings) {
  SplitVerdict verdict;
  // Machines of a cluster are mostly alike: one that has run no prompt yet is taken to be as fast as the other.
  const double prompt_rate = prompt.prompt_tokens_per_s.value_or(token.prompt_tokens_per_s.value_or(0));
  verdict.prompt_tokens_per_s = token.prompt_tokens_per_s.value_or(prompt_rate);
  const auto* const link = link_between(snapshot, prompt.node, token.node);
  if (link == nullptr || link->bytes_per_s <= 0 || prompt_rate <= 0 || verdict.prompt_tokens_per_s <= 0) {
    verdict.why = link == nullptr ? "split, as the link has not been measured"
                                  : "split, as the speed of prompts has not been measured";
    return verdict;
  }
  const double computing_s = snapshot.prompt_tokens / prompt_rate;
  const double waiting_s = static_cast<double>(prompt.pending_prompt_tokens) / prompt_rate;
  const double bytes = static_cast<double>(snapshot.kv_bytes_per_token) * snapshot.prompt_tokens;
  const double behind_others_s =
      std::max(0.0, static_cast<double>(link->bytes_under_way) / link->bytes_per_s - waiting_s);
  const double transfer_s = behind_others_s + exposed_seconds(*link, bytes, computing_s, settings);
  verdict.split_s = waiting_s + computing_s + transfer_s;
  verdict.alone_s = seconds_alone(snapshot, token, verdict.prompt_tokens_per_s);
  verdict.pays = verdict.split_s <= verdict.alone_s;
  char figures[256];
  std::snprintf(figures, sizeof figures,
                "a split %s: %.1f ms (of which transfer %.1f ms, %.2f MB at %.0f MB/s) against %.1f ms beside %lld "
                "sequences on the token machine",
                verdict.pays ? "pays" : "does not pay", verdict.split_s * 1e3, transfer_s * 1e3, bytes / 1e6,
                link->bytes_per_s / 1e6, verdict.alone_s * 1e3, static_cast<long long>(token.running));
  verdict.why = figures;
  return verdict;
}

}  // namespace troupe::policies
