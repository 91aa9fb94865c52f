// What the router learns in passing of machines and links, for policies that weigh one way against another.
// Owns: how fast each machine was seen to run prompts and to make tokens, what of its KV is free, and what was measured
// of each link. Refuses: nothing; what was never measured is left out of what policies see.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "actors/messages/routing.hpp"

namespace troupe {

class Measurements {
 public:
  /// A prompt of so many tokens has run. `given`: when it was given to the machine.
  void prompt_ran(MachineId machine, std::int64_t tokens, TimePoint given, TimePoint now);
  /// A sequence made so many tokens, one after the other, where `running` ran at once on the mean.
  void tokens_came(MachineId machine, std::int64_t tokens, std::chrono::nanoseconds took, double running);
  /// KV is to travel from node to node (`bytes` over 0), or does not any more (under 0).
  void kv_on_the_way(NodeId from, NodeId to, std::int64_t bytes);

  void on(const KvRoomHeard& heard);
  void on(const LinkMeasured& measured);
  /// A request of so many tokens will hold KV there. What is heard next counts it.
  void kv_promised(MachineId machine, std::int64_t tokens);
  void forget(MachineId machine) { machines_.erase(machine); }

  /// Puts into the view what is known of the machine.
  void show(policies::MachineView& view) const;
  std::vector<policies::LinkView> links() const;

 private:
  /// The line through what was seen of gaps between tokens at so many running sequences: the older the less it counts.
  struct Pace {
    double weight = 0;
    double gap_s = 0;
    double running = 0;
    double running_squared = 0;
    double product = 0;

    policies::DecodePace line() const;
  };
  struct Machine {
    // Of the prompts that ran here: their tokens and the time they took, the older the less they count.
    double tokens = 0;
    double seconds = 0;
    TimePoint last_ran;
    std::optional<std::int64_t> kv_free;
    Pace pace;
  };
  using Pair = std::pair<NodeId, NodeId>;

  std::map<MachineId, Machine> machines_;
  std::map<Pair, policies::LinkView> links_;
  std::map<Pair, std::int64_t> bytes_under_way_;  // none at 0
};

}  // namespace troupe
