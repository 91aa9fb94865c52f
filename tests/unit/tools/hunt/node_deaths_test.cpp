// A node of a cluster ends with any actor that it cannot do without, and the others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tools/hunt/audience.hpp"
#include "tools/hunt/cluster.hpp"
#include "tools/hunt/coverage.hpp"

namespace troupe::hunt {
namespace {

using policies::Role;

std::shared_ptr<RequestSpec> spec(std::uint64_t id) {
  auto spec = std::make_shared<RequestSpec>();
  spec->id = RequestId{id};
  spec->prompt = prompt_of(40, id);
  spec->max_tokens = 30;
  spec->sampling = std::make_shared<const device::SamplingSpec>();
  return spec;
}

ClusterOptions two_fronts() {
  ClusterOptions options;
  options.nodes = {{"front0", {}, 0, true, true},
                   {"front1", {}, 0, true, true},
                   {"prompt0", {Role::kPrompt}},
                   {"token0", {Role::kToken}},
                   {"pair", {Role::kPrompt, Role::kToken}}};
  options.device.cost = [](const device::Step&) { return std::chrono::milliseconds{2}; };
  return options;
}

TEST(NodeDeaths, ANodeEndsWithAnyActorThatItCannotDoWithout) {
  for (const std::string name : kOtherActors) {
    if (name == "request") continue;
    SCOPED_TRACE(name);
    Audience audience;
    auto options = two_fronts();
    std::vector<std::size_t> failed;
    options.failed = [&](std::size_t node, const std::string&, const std::string&) { failed.push_back(node); };
    Cluster cluster(std::move(options));
    auto deadline = spec(1);
    deadline->deadline = cluster.system.now() + std::chrono::milliseconds{1};
    cluster.submit(deadline, 0);  // so that the deadlines actor has something to say
    const auto other = cluster.submit(spec(2), 1);
    cluster.pass(std::chrono::milliseconds{150});
    const auto there = audience.players.named(name);
    ASSERT_FALSE(there.empty());
    const std::size_t node = cluster.system.place_of(there.front()->id()) - 1u;
    caf::anon_send_exit(there.front(), caf::exit_reason::unhandled_exception);
    cluster.system.settle();
    EXPECT_FALSE(cluster.alive(node));
    EXPECT_EQ(failed, std::vector<std::size_t>{node});
    if (node == 1) continue;
    cluster.finish({other});
    EXPECT_EQ(other.answer->tokens, expected(*other.spec));
  }
}

TEST(NodeDeaths, AFrontGoesOnWithoutItsMachine) {
  Audience audience;
  auto options = two_fronts();
  options.nodes[0].machines = {Role::kMixed};
  Cluster cluster(std::move(options));
  const auto request = cluster.submit(spec(1), 0);
  cluster.pass(std::chrono::milliseconds{50});
  for (const auto& gpu : audience.players.named("gpu"))
    if (cluster.system.place_of(gpu->id()) == 1) caf::anon_send_exit(gpu, caf::exit_reason::kill);
  cluster.finish({request});
  EXPECT_TRUE(cluster.alive(0));
  EXPECT_EQ(request.answer->tokens, expected(*request.spec));
}

}  // namespace
}  // namespace troupe::hunt
