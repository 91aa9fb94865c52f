// What must hold whatever order messages come in and whatever dies: each request gets exactly the tokens that its
// prompt calls for, and every block of every node that lives comes home.
#include "tests/unit/actors/neighbours/cluster_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using policies::Role;

ClusterOptions four_machines(std::uint64_t seed) {
  ClusterOptions options;
  options.seed = seed;
  options.nodes = {{"front", {}},
                   {"prompt0", {Role::kPrompt}},
                   {"prompt1", {Role::kPrompt}},
                   {"token0", {Role::kToken}},
                   {"token1", {Role::kToken}}};
  options.device.blocks = 96;  // so that some must wait and some are preempted
  options.max_batch_tokens = 64;
  options.device.cost = [](const device::Step&) { return 3ms; };
  options.network.latency = 100us;
  return options;
}

std::vector<Submitted> submit_some(Cluster& cluster, RandomStream& random) {
  std::vector<Submitted> requests;
  for (int i = 0; i < 10; ++i) {
    const auto prompt = Serving::prompt(1 + static_cast<std::int32_t>(random.below(300)), random.next());
    requests.push_back(cluster.submit(Serving::spec(prompt, 1 + static_cast<std::int32_t>(random.below(60)))));
  }
  return requests;
}

void expect_all_right(Cluster& cluster, const std::vector<Submitted>& requests) {
  cluster.finish(requests);
  for (const auto& request : requests) Cluster::expect_right(request);
  cluster.pass(3s);
  cluster.expect_all_blocks_free();
}

class Seeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeds, LoseNothingWhereAllIsWell) {
  Cluster cluster(four_machines(GetParam()));
  RandomStream random(GetParam());
  expect_all_right(cluster, submit_some(cluster, random));
}

TEST_P(Seeds, LoseNothingWhereNodesDieAndComeBack) {
  Cluster cluster(four_machines(GetParam()));
  RandomStream random(GetParam());
  const auto requests = submit_some(cluster, random);
  for (int round = 0; round < 3; ++round) {
    cluster.pass(std::chrono::microseconds(random.below(100'000)));
    const auto victim = 1 + random.below(4);
    cluster.kill(victim);
    cluster.pass(std::chrono::microseconds(random.below(50'000)));
    cluster.start(victim);
    cluster.pass(1s);  // it joins again before the next dies
  }
  expect_all_right(cluster, requests);
}

TEST_P(Seeds, LoseNothingWhereNodesStallAndWakeUp) {
  Cluster cluster(four_machines(GetParam()));
  RandomStream random(GetParam());
  const auto requests = submit_some(cluster, random);
  cluster.pass(std::chrono::microseconds(random.below(100'000)));
  const auto victim = 1 + random.below(4);
  cluster.cut(victim);
  cluster.pass(std::chrono::milliseconds(random.below(4000)));
  cluster.cut(victim, false);
  expect_all_right(cluster, requests);
}

TEST_P(Seeds, LoseNothingWherePiecesOfKvAreLostDamagedRepeatedOrLate) {
  auto options = four_machines(GetParam());
  options.network.fault = [random = RandomStream(GetParam() + 1)](const link::Travelling&) mutable {
    link::Fault fault;
    const auto draw = random.below(40);
    if (draw == 0) fault.kind = link::Fault::Kind::kCorrupt;
    if (draw == 1) fault.kind = link::Fault::Kind::kDuplicate;
    if (draw == 2) fault.kind = link::Fault::Kind::kDrop;
    fault.delay = std::chrono::microseconds(random.below(3000));
    return fault;
  };
  Cluster cluster(options);
  RandomStream random(GetParam());
  expect_all_right(cluster, submit_some(cluster, random));
}

INSTANTIATE_TEST_SUITE_P(ClusterOfNodes, Seeds, ::testing::Range<std::uint64_t>(1, 26));

}  // namespace
}  // namespace troupe
