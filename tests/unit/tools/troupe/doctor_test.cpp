// `troupe doctor`: what facts mean, and what to do about them.
#include <gmock/gmock.h>

#include <algorithm>

#include "runtime/http/free_port.hpp"
#include "tools/troupe/doctor_host.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/paths_json.hpp"

namespace troupe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kGiB = std::size_t{1} << 30;

HostFacts good_host() {
  HostFacts facts;
  facts.cores = 8;
  facts.isa = kernels::CpuIsa::kAvx2;
  facts.memory_available = 16 * kGiB;
  facts.huge_pages = true;
  facts.shm_total = facts.shm_free = kGiB;
  facts.files = 65536;
  facts.locked_memory = 8 << 20;
  facts.ucx = link::UcxFacts{"1.13.1", {{"posix", "memory"}, {"tcp", "eth0"}, {"tcp", "lo"}}};
  return facts;
}

Finding finding(const std::vector<Finding>& findings, const std::string& what) {
  const auto found =
      std::find_if(findings.begin(), findings.end(), [&](const auto& each) { return each.what == what; });
  return found == findings.end() ? Finding{Verdict::kOk, "none", "", ""} : *found;
}

config::ClusterConfig cluster_of(std::size_t nodes, config::LinkTransport transport = config::LinkTransport::kAuto) {
  config::ClusterConfig cluster;
  cluster.nodes.resize(nodes);
  cluster.link.transport = transport;
  return cluster;
}

TEST(Doctor, FindsNothingBadOnAGoodHost) {
  const auto findings = judge(good_host(), nullptr);
  for (const auto& each : findings) EXPECT_EQ(each.verdict, Verdict::kOk) << each.what;
  EXPECT_EQ(exit_code_of(findings), kExitOk);
  EXPECT_THAT(as_text(findings), HasSubstr("version 1.13.1: posix (memory); tcp (eth0, lo)"));
}

TEST(Doctor, WarnsOfAProcessorWithoutVectorsAndOfAQuotaBelowTheCores) {
  auto facts = good_host();
  facts.isa = kernels::CpuIsa::kReference;
  EXPECT_EQ(finding(judge(facts, nullptr), "cpu").verdict, Verdict::kWarn);
  facts = good_host();
  facts.cpu_quota = 2.5;
  EXPECT_THAT(finding(judge(facts, nullptr), "cpu").found, HasSubstr("the time of 2.5"));
}

TEST(Doctor, SaysHowWeightsGetHugePages) {
  auto facts = good_host();
  facts.huge_pages = false;
  const auto memory = finding(judge(facts, nullptr), "memory");
  EXPECT_EQ(memory.verdict, Verdict::kWarn);
  EXPECT_THAT(memory.found, HasSubstr("16.00 GiB free, in small pages"));
  EXPECT_THAT(memory.advice, HasSubstr("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"));
}

TEST(Doctor, WantsSharedMemoryForEachPairOfTheClustersNodes) {
  auto facts = good_host();
  facts.shm_free = std::size_t{64} << 20;
  EXPECT_EQ(finding(judge(facts, nullptr), "shared memory").verdict, Verdict::kOk);
  const auto two = cluster_of(2);
  EXPECT_EQ(finding(judge(facts, &two), "shared memory").verdict, Verdict::kOk);
  const auto three = cluster_of(3);
  EXPECT_EQ(finding(judge(facts, &three), "shared memory").verdict, Verdict::kBad);
  EXPECT_EQ(finding(judge(facts, &three, true), "shared memory").verdict, Verdict::kOk) << "it runs, and has its share";
  const auto tcp = cluster_of(8, config::LinkTransport::kTcp);
  EXPECT_EQ(finding(judge(facts, &tcp), "shared memory").verdict, Verdict::kOk);
}

TEST(Doctor, FindsUcxWithoutTcpBadAndWithoutSharedMemoryWorthAWarning) {
  auto facts = good_host();
  facts.ucx = link::UcxFacts{"1", {{"posix", "memory"}}};
  EXPECT_EQ(finding(judge(facts, nullptr), "link").verdict, Verdict::kBad);
  facts.ucx = link::UcxFacts{"1", {{"tcp", "lo"}}};
  EXPECT_EQ(finding(judge(facts, nullptr), "link").verdict, Verdict::kWarn);
  facts.ucx = Error{ErrorCode::kUnavailable, "no UCX"};
  const auto findings = judge(facts, nullptr);
  EXPECT_EQ(finding(findings, "ucx").verdict, Verdict::kBad);
  EXPECT_EQ(exit_code_of(findings), kExitUnavailable);
}

TEST(Doctor, SaysThatAGpuIsNotUsed) {
  auto facts = good_host();
  facts.gpus = {"/dev/nvidia0"};
  EXPECT_THAT(finding(judge(facts, nullptr), "gpu").found, HasSubstr("not used"));
}

TEST(Doctor, WarnsWhereMoreClientsAreLetInThanFilesMayBeOpen) {
  auto facts = good_host();
  facts.files = 1024;
  EXPECT_EQ(finding(judge(facts, nullptr), "open files").verdict, Verdict::kWarn);
}

TEST(Doctor, FindsATakenPortBadUnlessTheClusterRuns) {
  const Error taken{ErrorCode::kUnavailable, "127.0.0.1 port 7401 is taken."};
  PortUse use{"control port of front", "127.0.0.1", 7401, taken, false};
  EXPECT_EQ(judge({use})[0].verdict, Verdict::kBad);
  use.ours_may_run = true;
  EXPECT_EQ(judge({use})[0].verdict, Verdict::kOk);
  use.free = {};
  EXPECT_EQ(judge({use})[0].verdict, Verdict::kWarn);
}

TEST(Ports, OfAddressesThatAreNotHereCannotBeListenedAt) {
  EXPECT_EQ(http::can_listen("203.0.113.1", 24001).error().code, ErrorCode::kConfig);
  EXPECT_EQ(http::can_listen("somewhere", 24001).error().code, ErrorCode::kConfig);
  EXPECT_TRUE(http::can_listen("127.0.0.1", 0).ok());
}

TEST(Ucx, NamesItsVersionAndTheTcpOfThisHost) {
  const auto facts = link::ucx_facts();
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_THAT(facts->version, HasSubstr("."));
  EXPECT_TRUE(std::any_of(facts->transports.begin(), facts->transports.end(),
                          [](const auto& each) { return each.name == "tcp" && each.device == "lo"; }));
}

std::vector<NodePaths> two_nodes() {
  PathReport good{"token0", "shared memory (posix)", "", "", 12'300, 3'400'000'000, 8 << 20, 100'000'000, -40'000,
                  60'000};
  PathReport away;
  away.peer = "token1";
  away.problem = "it is away";
  return {{"prompt0", "", {good, away}}, {"token1", "it is away", {}}};
}

TEST(JudgedPaths, ShowTheWayItsSpeedTheClocksAndTheBeats) {
  const auto findings = judge_paths(paths_json(two_nodes()));
  ASSERT_TRUE(findings.ok()) << findings.error().message;
  ASSERT_EQ(findings->size(), 3u);
  EXPECT_EQ((*findings)[0].verdict, Verdict::kOk);
  EXPECT_EQ((*findings)[0].what, "prompt0 -> token0");
  EXPECT_EQ((*findings)[0].found,
            "shared memory (posix): round trip 12.3 us, 3.40 GB/s; clock -0.040 ms +- 0.060 ms; heard 100 ms ago");
  EXPECT_EQ((*findings)[1].verdict, Verdict::kBad);
  EXPECT_EQ((*findings)[2].what, "node token1");
  EXPECT_EQ((*findings)[2].verdict, Verdict::kBad);
}

TEST(JudgedPaths, AreBadWhereKvDoesNotGetThroughAndAWarningWhereBeatsAreLate) {
  auto nodes = two_nodes();
  nodes[0].paths[0].problem = "no answer for two seconds";
  nodes[0].paths[0].round_trip_ns = -1;
  EXPECT_EQ(judge_paths(paths_json(nodes))->front().verdict, Verdict::kBad);
  nodes = two_nodes();
  nodes[0].paths[0].heard_ns = 1'200'000'000;
  EXPECT_EQ(judge_paths(paths_json(nodes))->front().verdict, Verdict::kWarn);
}

TEST(JudgedPaths, ShowASlowWaysBandwidthInItsOwnUnit) {
  auto nodes = two_nodes();
  nodes[0].paths[0].bytes_per_second = 2'500'000;
  EXPECT_THAT(judge_paths(paths_json(nodes))->front().found, HasSubstr("2.50 MB/s"));
}

TEST(JudgedPaths, RefuseWhatIsNoExamination) {
  for (const char* text : {"", "[]", "{}", R"({"nodes": 1})", R"({"nodes": [1]})"})
    EXPECT_FALSE(judge_paths(text).ok());
  const auto odd = judge_paths(R"({"nodes": [{"node": "\u001b[2J", "problem": "\u001b", "paths": [{}]}]})");
  ASSERT_TRUE(odd.ok());
  EXPECT_THAT(as_text(*odd), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace troupe
