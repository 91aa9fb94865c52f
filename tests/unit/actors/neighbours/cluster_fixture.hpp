// A cluster on the virtual scheduler (tools/hunt) with what tests expect of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/actors/supervisor/serving_fixture.hpp"
#include "tools/hunt/cluster.hpp"

namespace troupe {

using hunt::ClusterNode;
using hunt::ClusterOptions;

class Cluster : public hunt::Cluster {
 public:
  using hunt::Cluster::Cluster;

  ClusterState state(std::size_t i = 0) {
    auto state = ask(i);
    EXPECT_TRUE(state) << "no answer";
    return state ? std::move(*state) : ClusterState{};
  }

  /// Every node that lives says of its own machines that nothing is held and nothing to do.
  void expect_all_blocks_free() {
    for (std::size_t i = 0; i < size(); ++i) {
      if (!alive(i)) continue;
      for (const auto& machine : state(i).machines) {
        if (machine.node != options().nodes[i].name) continue;
        EXPECT_EQ(machine.blocks.by_state[static_cast<std::size_t>(BlockState::kFree)], machine.blocks.total)
            << machine.name;
        EXPECT_EQ(machine.blocks.leases, 0) << machine.name;
        EXPECT_EQ(machine.prompts.waiting + machine.prompts.running, 0) << machine.name;
        EXPECT_EQ(machine.tokens.waiting + machine.tokens.running, 0) << machine.name;
      }
    }
  }

  static void expect_right(const Submitted& request) {
    EXPECT_EQ(request.answer->ends.size(), 1u) << request.spec->id;
    if (request.answer->ends.empty()) return;
    EXPECT_EQ(request.end().reason, FinishReason::kLength)
        << request.spec->id << (request.end().error ? ": " + request.end().error->message : "");
    EXPECT_TRUE(request.answer->contiguous);
    EXPECT_EQ(request.answer->tokens, Serving::expected(*request.spec)) << request.spec->id;
  }
};

}  // namespace troupe
