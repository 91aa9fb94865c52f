#include "tools/troupe/check_cluster.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

config::ClusterConfig cluster_of(const std::vector<std::vector<config::MachineRole>>& nodes) {
  config::ClusterConfig cluster;
  int number = 0;
  for (const auto& roles : nodes) {
    config::NodeSection node;
    node.name = "n" + std::to_string(cluster.nodes.size());
    for (const config::MachineRole role : roles) node.machines.push_back({"m" + std::to_string(number++), role, {}});
    cluster.nodes.push_back(std::move(node));
  }
  return cluster;
}

constexpr auto kPrompt = config::MachineRole::kPrompt;
constexpr auto kToken = config::MachineRole::kToken;
constexpr auto kMixed = config::MachineRole::kMixed;

/// As "m0>m1: way".
std::vector<std::string> written(const std::vector<KvPath>& paths) {
  std::vector<std::string> out;
  for (const KvPath& path : paths) out.push_back(path.from + '>' + path.to + ": " + path.way);
  return out;
}

TEST(KvPaths, GoFromEachPromptMachineToEachTokenMachine) {
  const auto paths = kv_paths(cluster_of({{kPrompt}, {kPrompt, kToken}, {kMixed}}), 99);
  EXPECT_THAT(written(paths),
              testing::ElementsAre("m0>m2: shared memory on this host", "m1>m2: inside the process of n1"));
}

TEST(KvPaths, MixedMachinesStandInForARoleThatNoneHasAlone) {
  EXPECT_THAT(written(kv_paths(cluster_of({{kPrompt}, {kMixed}}), 99)),
              testing::ElementsAre("m0>m1: shared memory on this host"));
  EXPECT_THAT(written(kv_paths(cluster_of({{kToken}, {kMixed}}), 99)),
              testing::ElementsAre("m1>m0: shared memory on this host"));
  EXPECT_THAT(kv_paths(cluster_of({{kMixed}, {kMixed}}), 99), IsEmpty());
}

TEST(KvPaths, TakeTcpWhereTheConfigurationSaysSo) {
  auto cluster = cluster_of({{kPrompt}, {kToken}});
  cluster.link.transport = config::LinkTransport::kTcp;
  EXPECT_THAT(written(kv_paths(cluster, 99)), testing::ElementsAre(HasSubstr("TCP on loopback")));
}

TEST(KvPaths, BetweenHostsAreTcpAndSayThatNothingIsEncrypted) {
  auto cluster = cluster_of({{kPrompt}, {kToken}});
  cluster.nodes[0].address = "10.0.0.5";
  cluster.nodes[1].address = "10.0.0.6";
  EXPECT_THAT(written(kv_paths(cluster, 99)),
              testing::ElementsAre(HasSubstr("TCP from 10.0.0.5 to 10.0.0.6, not encrypted")));
  cluster.nodes[1].address = "10.0.0.5";
  EXPECT_THAT(written(kv_paths(cluster, 99)), testing::ElementsAre(HasSubstr("shared memory on 10.0.0.5")));
}

TEST(KvPaths, StopAtTheMostThatIsAskedFor) {
  EXPECT_EQ(kv_paths(cluster_of({std::vector(30, kPrompt), std::vector(30, kToken)}), 65).size(), 65u);
}

TEST(HttpUrl, IsOneThatThisHostCanReach) {
  config::HttpSection http;
  EXPECT_EQ(http_url(http), "http://127.0.0.1:8000");
  http.address = "0.0.0.0";
  http.tls.certificate = "cert.pem";
  EXPECT_EQ(http_url(http), "https://127.0.0.1:8000");
  http.address = "::";
  EXPECT_EQ(http_url(http), "https://[::1]:8000");
}

class ClusterCheck : public ::testing::Test {
 protected:
  ClusterCheck() {
    sources_.file = TROUPE_SOURCE_DIR "/cluster_configs/local.yaml";
    sources_.flags = {{"model.path", TROUPE_SOURCE_DIR "/tools/demo_model/checkpoint", "--model"}};
  }
  config::ClusterSources sources_;
};

TEST_F(ClusterCheck, PrintsNodesRolesMemoryAndTheWayOfKvBlocks) {
  const auto report = check_cluster(sources_, false);
  ASSERT_TRUE(report.ok()) << report.error().message;
  for (const char* part :
       {"local: 4 nodes, 3 machines", "front    127.0.0.1:7401  router, HTTP at http://127.0.0.1:8000\n",
        "127.0.0.1:7403  machine t0 (token, 1 thread)\n", "  m0  weights ",
        "KV 256.0 MiB: ", "  p0 -> t0: shared memory on this host\n", "every 250 ms", "after 1500 ms of silence\nok\n"})
    EXPECT_THAT(report->text, HasSubstr(part));
}

TEST_F(ClusterCheck, PrintsTheSameAsJson) {
  const auto report = check_cluster(sources_, true);
  ASSERT_TRUE(report.ok()) << report.error().message;
  const auto json = nlohmann::json::parse(report->text);
  EXPECT_EQ(json.at("ok"), true);
  EXPECT_EQ(json.at("nodes").size(), 4u);
  EXPECT_EQ(json.at("nodes").at(0).at("url"), "http://127.0.0.1:8000");
  EXPECT_EQ(json.at("nodes").at(1).at("url"), nullptr);
  EXPECT_EQ(json.at("nodes").at(1).at("machines").at(0).at("role"), "prompt");
  EXPECT_GT(json.at("nodes").at(1).at("machines").at(0).at("memory").at("blocks"), 0);
  EXPECT_EQ(json.at("kv_paths").at(0).at("to"), "t0");
}

TEST_F(ClusterCheck, AModelThatIsNotThereIsMissingInput) {
  sources_.flags[0].value = "/nowhere/at/all";
  EXPECT_EQ(check_cluster(sources_, false).error().code, ErrorCode::kMissingInput);
}

}  // namespace
}  // namespace troupe
