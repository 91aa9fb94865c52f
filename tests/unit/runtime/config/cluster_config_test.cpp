#include "runtime/config/cluster_config.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "runtime/base/file.hpp"
#include "runtime/config/keys.hpp"
#include "runtime/config/loopback.hpp"

namespace troupe::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr const char* kHead = "cluster: local\nmodel: {path: /m}\n";
constexpr const char* kFront = "  - {name: front, control_port: 7401, router: true, http: {}}\n";
constexpr const char* kMixed =
    "  - {name: m, control_port: 7402, machines: [{name: m0, role: mixed, device: {threads: 1, kv_memory: 1GiB}}]}\n";

/// A folder that goes with the test.
class ClusterFile : public ::testing::Test {
 protected:
  ClusterFile() {
    char name[] = "/tmp/troupe_cluster_XXXXXX";
    folder_ = ::mkdtemp(name);
    sources_.file = folder_ + "/cluster.yaml";
    sources_.cores = 8;
  }
  ~ClusterFile() override { std::filesystem::remove_all(folder_); }

  Result<LoadedCluster> read(const std::string& text) const {
    std::ofstream(sources_.file, std::ios::binary) << text;
    return load_cluster(sources_);
  }
  /// One front, one mixed machine and `more` at the end.
  Result<LoadedCluster> read_with(const std::string& more) const {
    return read(std::string(kHead) + "nodes:\n" + kFront + kMixed + more);
  }
  std::string error_of(const std::string& text) const {
    const auto loaded = read(text);
    return loaded.ok() ? "no error" : loaded.error().message;
  }

  std::string folder_;
  ClusterSources sources_;
};

TEST_F(ClusterFile, ASmallOneGivesItsNodesAndTheDefaults) {
  const auto loaded = read_with("");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const ClusterConfig& config = loaded->config;
  EXPECT_EQ(config.name, "local");
  EXPECT_EQ(config.shared.model.path, "/m");
  ASSERT_EQ(config.nodes.size(), 2u);
  EXPECT_EQ(config.nodes[0].address, "127.0.0.1");
  EXPECT_EQ(config.nodes[0].control_port, 7401);
  EXPECT_TRUE(config.nodes[0].router);
  ASSERT_TRUE(config.nodes[0].http);
  EXPECT_EQ(config.nodes[0].http->port, 8000);
  EXPECT_FALSE(config.nodes[1].router);
  EXPECT_FALSE(config.nodes[1].http);
  EXPECT_EQ(config.link.transport, LinkTransport::kAuto);
  EXPECT_TRUE(config.link.checksums);
  EXPECT_EQ(config.failure.heartbeat, std::chrono::milliseconds(250));
  EXPECT_EQ(config.failure.silence, std::chrono::milliseconds(1500));
  EXPECT_THAT(loaded->notes, IsEmpty());
}

TEST_F(ClusterFile, EveryPartIsReadIntoItsPlace) {
  const auto loaded = read(R"(cluster: c-1
model: {path: /m, names: [x]}
scheduling: {policy: round_robin}
shutdown: {drain_timeout: 3s}
link: {transport: tcp, checksums: false}
failure: {heartbeat: 100ms, silence: 300ms}
splitwise: {overflow_prompt_tokens: 700, kv_reserve_percent: 25, split: when_it_pays}
roles: {policy: by_load, high_percent: 90, low_percent: 30, hold: 5s, settle: 20s, interval: 500ms}
nodes:
  - name: front
    address: 127.0.0.2
    control_port: 9000
    router: true
    http: {port: 9001, limits: {connections: 7, connections_per_peer: 3}}
  - name: work
    control_port: 9000
    machines:
      - {name: p, role: prompt, device: {kind: cpu, threads: 2, kv_memory: 512MiB, isa: reference}}
      - {name: t, role: token, device: {kv_memory: 1GiB, threads: 3}}
)");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const ClusterConfig& config = loaded->config;
  EXPECT_EQ(config.shared.model.names, std::vector<std::string>{"x"});
  EXPECT_EQ(config.shared.scheduling.policy, "round_robin");
  EXPECT_EQ(config.shared.shutdown.drain_timeout, std::chrono::seconds(3));
  EXPECT_EQ(config.link.transport, LinkTransport::kTcp);
  EXPECT_FALSE(config.link.checksums);
  EXPECT_EQ(config.failure.silence, std::chrono::milliseconds(300));
  EXPECT_EQ(config.splitwise.overflow_prompt_tokens, 700u);
  EXPECT_EQ(config.splitwise.kv_reserve_percent, 25u);
  EXPECT_EQ(config.splitwise.split, SplitRule::kWhenItPays);
  EXPECT_EQ(config.roles.policy, "by_load");
  EXPECT_EQ(config.roles.high_percent, 90u);
  EXPECT_EQ(config.roles.low_percent, 30u);
  EXPECT_EQ(config.roles.hold, std::chrono::seconds(5));
  EXPECT_EQ(config.roles.settle, std::chrono::seconds(20));
  EXPECT_EQ(config.roles.interval, std::chrono::milliseconds(500));
  EXPECT_EQ(config.nodes[0].address, "127.0.0.2");
  EXPECT_EQ(config.nodes[0].http->port, 9001);
  EXPECT_EQ(config.nodes[0].http->limits.connections, 7u);
  EXPECT_EQ(config.routers(), std::vector<std::size_t>{0});
  EXPECT_EQ(config.machine_count(), 2u);
  EXPECT_EQ(config.find_node("work"), 1u);
  EXPECT_FALSE(config.find_node("p"));
  const MachineSection& prompt = config.nodes[1].machines[0];
  EXPECT_EQ(prompt.role, MachineRole::kPrompt);
  EXPECT_EQ(prompt.device.threads, 2u);
  EXPECT_EQ(prompt.device.kv_memory, std::uint64_t{512} << 20);
  EXPECT_EQ(prompt.device.isa, Isa::kReference);
  EXPECT_EQ(config.nodes[1].machines[1].role, MachineRole::kToken);
}

TEST_F(ClusterFile, AMachinesPartsAreToldLikeAServersOwn) {
  const auto loaded = read_with("scheduling: {max_running: 5}\n");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const ServeConfig machine = serve_config_of(loaded->config, 1, 0);
  EXPECT_EQ(machine.scheduling.max_running, 5u);
  EXPECT_EQ(machine.device.kv_memory, std::uint64_t{1} << 30);
  EXPECT_EQ(serve_config_of(loaded->config, 0).device.kv_memory, 0u);
}

TEST_F(ClusterFile, LocalhostIsTheSameAddressAsItsNumber) {
  const auto loaded = read_with("  - {name: n, address: localhost, control_port: 7403}\n");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->config.nodes[2].address, "127.0.0.1");
  EXPECT_THAT(error_of(std::string(kHead) + "nodes:\n" + kFront + kMixed +
                       "  - {name: n, address: localhost, control_port: 7402}\n"),
              HasSubstr("control_port 7402 at 127.0.0.1 is also the control_port of \"m\""));
}

TEST_F(ClusterFile, OnePortMayServeOnTwoAddresses) {
  EXPECT_TRUE(read_with("  - {name: n, address: 127.0.0.2, control_port: 7402}\n").ok());
}

TEST_F(ClusterFile, TwoHttpNodesOnTheDefaultPortAreRefusedAtTheSecondNode) {
  EXPECT_THAT(
      error_of(std::string(kHead) + "nodes:\n" + kFront + kMixed + "  - {name: n, control_port: 7403, http: {}}\n"),
      HasSubstr(":6:5: error: http.port 8000 at 127.0.0.1 is also the http.port of \"front\""));
}

TEST_F(ClusterFile, MistakesOfAllNodesAreReportedTogetherInTheOrderOfTheFile) {
  const std::string error =
      error_of(std::string(kHead) + "link: {transport: udp}\nnodes:\n" +
               "  - {name: A, control_port: 1}\n  - {name: b, control_port: 0}\n" +
               "  - {name: c, control_port: 3, machines: [{name: c0, role: x, device: {isa: y}}]}\n");
  std::size_t last = 0;
  for (const char* part : {":3:19: error: unknown link.transport", ":5:12: error: \"A\" is not a name",
                           ":6:29: error: control_port is too small", ":7:60: error: unknown role \"x\"",
                           ":7:77: error: unknown device.isa \"y\""}) {
    const std::size_t at = error.find(part);
    ASSERT_NE(at, std::string::npos) << part << "\n" << error;
    EXPECT_GE(at, last);
    last = at;
  }
}

TEST_F(ClusterFile, AModelPathIsRelativeToTheFilesFolderButAFlagsIsNot) {
  const std::string text = "cluster: c\nmodel: {path: ../m}\nnodes:\n" + std::string(kFront) + kMixed;
  EXPECT_EQ(read(text)->config.shared.model.path, "/tmp/m");
  sources_.flags = {{"model.path", "other", "--model"}};
  EXPECT_EQ(read(text)->config.shared.model.path, "other");
}

TEST_F(ClusterFile, APortFromAFlagIsForTheNodeThatServesHttpAndBeatsTheEnvironment) {
  sources_.environment = {{"TROUPE_HTTP_PORT", "9001"}, {"TROUPE_LOG_LEVEL", "error"}};
  EXPECT_EQ(read_with("")->config.nodes[0].http->port, 9001);
  sources_.flags = {{"http.port", "9002", "--port"}};
  const auto loaded = read_with("");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->config.nodes[0].http->port, 9002);
  EXPECT_EQ(loaded->config.shared.log.level, LogLevel::kError);
}

TEST_F(ClusterFile, AWrongPortIsRefusedInTheFlagsName) {
  sources_.flags = {{"http.port", "70000", "--port"}};
  const auto loaded = read_with("");
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.error().message, StartsWith("--port: error: http.port is too large"));
}

TEST_F(ClusterFile, APortFromAFlagThatANodeHasIsRefusedInTheFlagsName) {
  sources_.flags = {{"http.port", "7402", "--port"}};
  const auto loaded = read_with("");
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.error().message, StartsWith("--port: error: http.port 7402 at 127.0.0.1 is also"));
}

TEST_F(ClusterFile, APortFromAFlagIsRefusedWhereSeveralNodesServeHttp) {
  sources_.flags = {{"http.port", "9002", "--port"}};
  const auto loaded = read_with("  - {name: n, control_port: 7403, http: {port: 8001}}\n");
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.error().message, HasSubstr("--port: error: more than one node serves HTTP"));
}

TEST_F(ClusterFile, AVariableThatOnlyServeKnowsIsNoted) {
  sources_.environment = {{"TROUPE_DEVICE_THREADS", "4"}, {"TROUPE_UNRELATED_THING_OF_OTHERS", "4"}};
  EXPECT_THAT(read_with("")->notes, ElementsAre(HasSubstr("TROUPE_DEVICE_THREADS is for `troupe serve`")));
}

TEST_F(ClusterFile, MoreThreadsThanCoresAreNotedButNoError) {
  sources_.cores = 1;
  const auto loaded =
      read_with("  - {name: n, control_port: 7403, machines: [{name: x, role: token, device: {kv_memory: 1GiB}}]}\n");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_THAT(loaded->notes, ElementsAre(HasSubstr("want 2 threads together and this host has 1 core")));
}

TEST_F(ClusterFile, KvMemoryLeftToItselfBesideOtherMachinesIsNoted) {
  const auto loaded =
      read_with("  - {name: n, control_port: 7403, machines: [{name: x, role: token, device: {threads: 1}}]}\n");
  ASSERT_TRUE(loaded.ok());
  EXPECT_THAT(loaded->notes, ElementsAre(HasSubstr("kv_memory is auto")));
}

TEST_F(ClusterFile, SilenceOfExactlyThreeHeartbeatsIsAllowed) {
  EXPECT_TRUE(read_with("failure: {heartbeat: 500ms}\n").ok());
  EXPECT_FALSE(read_with("failure: {heartbeat: 501ms}\n").ok());
}

TEST_F(ClusterFile, AThousandAndTwentyFourNodesAreTakenAndOneMoreIsRefused) {
  std::string nodes;
  for (std::size_t i = 2; i < kMostClusterNodes; ++i) {
    const std::string number = std::to_string(i);
    nodes += "  - {name: n" + number + ", control_port: " + std::to_string(10'000 + i) + ", machines: [{name: m" +
             number + ", role: mixed, device: {threads: 1, kv_memory: 1GiB}}]}\n";
  }
  const auto loaded = read_with(nodes);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->config.nodes.size(), kMostClusterNodes);
  const auto refused = read_with(nodes + "  - {name: last, control_port: 5000}\n");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("a list of 1025 nodes"));
}

TEST_F(ClusterFile, ASectionWrittenTwiceIsOneMistakeAndNoOther) {
  EXPECT_THAT(error_of("cluster: c\nnodes: []\nnodes: []\n"), HasSubstr("the key \"nodes\" is there twice"));
}

TEST_F(ClusterFile, AnyPrefixOfAFileIsReadOrRefusedButNeverFatal) {
  const std::string text = read_file(TROUPE_SOURCE_DIR "/cluster_configs/local.yaml", 1 << 20).value();
  for (std::size_t length = 0; length < text.size(); length += 29) {
    const auto loaded = read(text.substr(0, length));
    if (!loaded.ok()) {
      EXPECT_EQ(loaded.error().code, ErrorCode::kConfig);
    }
  }
}

TEST_F(ClusterFile, AServersFileIsRefusedAsOneAndNotKeyByKey) {
  const std::string error = error_of("model: {path: /m}\nhttp: {port: 1}\n");
  EXPECT_THAT(error, HasSubstr(":1:1: error: this is no cluster's file"));
  EXPECT_EQ(error.find("error:"), error.rfind("error:"));
}

TEST_F(ClusterFile, AServerRefusesAClustersFileAsOne) {
  const std::string path = TROUPE_SOURCE_DIR "/cluster_configs/local.yaml";
  EXPECT_EQ(load_serve(path).error().message.find(path + ":1:1: error: this is a cluster's file"), 0u);
}

TEST_F(ClusterFile, AFileThatIsNotThereIsMissingInput) {
  EXPECT_EQ(load_cluster(sources_).error().code, ErrorCode::kMissingInput);
  EXPECT_EQ(kind_of_file(sources_.file).error().code, ErrorCode::kMissingInput);
}

TEST(Loopback, OnlyAddressesOfThisHostAreAndNoNamesButLocalhost) {
  for (const char* good : {"127.0.0.1", "127.1.2.255", "::1", "localhost"}) EXPECT_TRUE(loopback_address(good)) << good;
  for (const char* bad : {"", "127.", "127.0.0", "127.0.0.256", "127.0.0.01", "127.0.0.1.", "127...1", "127.0.0.1.x",
                          "127.evil.example.org", "128.0.0.1", "0.0.0.0", "::", "LOCALHOST", "127.0.0.1 "})
    EXPECT_FALSE(loopback_address(bad)) << bad;
}

TEST(HostAddress, IsANumberAndOneHosts) {
  for (const char* good :
       {"10.0.0.5", "127.0.0.1", "255.255.255.255", "::1", "fd00::5", "fe80:0:0:0:1:2:3:4", "1::", "2001:db8::a:b"})
    EXPECT_TRUE(is_host_address(good)) << good;
  for (const char* bad : {"",
                          "0.0.0.0",
                          "::",
                          "0::0",
                          "10.0.0",
                          "10.0.0.256",
                          "10.0.0.05",
                          "10.0.0.5 ",
                          "host",
                          "fd00:::5",
                          "fd00::5::1",
                          "1:2:3:4:5:6:7:8:9",
                          "1:2:3",
                          ":1:2:3:4:5:6:7",
                          "1:2:3:4:5:6:7:",
                          "fd00::5%eth0",
                          "12345::",
                          "[::1]",
                          "g::1",
                          ":"})
    EXPECT_FALSE(is_host_address(bad)) << bad;
}

TEST(ControlTls, PathsNameTheNodeWhereverTheySayName) {
  const ControlTlsSection tls{"/c/ca.pem", "/c/{name}/{name}.pem", "/c/{name}.key"};
  const auto own = tls.of("token0");
  EXPECT_EQ(own.ca, "/c/ca.pem");
  EXPECT_EQ(own.certificate, "/c/token0/token0.pem");
  EXPECT_EQ(own.key, "/c/token0.key");
}

TEST_F(ClusterFile, WithTlsNodesMayBeBeyondLoopback) {
  const auto loaded = load_cluster({std::string(TROUPE_SOURCE_DIR "/cluster_configs/two_hosts.yaml"), {}, {}, 3});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_TRUE(loaded->config.spans_hosts());
  EXPECT_EQ(loaded->config.nodes[0].address, "10.0.0.5");
  EXPECT_EQ(loaded->config.tls.of("front").key, TROUPE_SOURCE_DIR "/cluster_configs/certs/front.key");
}

TEST_F(ClusterFile, WithoutTlsNothingSpansHosts) {
  const auto loaded = load_cluster({std::string(TROUPE_SOURCE_DIR "/cluster_configs/local.yaml"), {}, {}, 3});
  ASSERT_TRUE(loaded.ok());
  EXPECT_FALSE(loaded->config.spans_hosts());
  EXPECT_FALSE(loaded->config.tls.given());
}

TEST(ClusterYaml, TheShippedClustersAreGood) {
  for (const char* name : {"local.yaml", "local_mixed.yaml", "two_hosts.yaml"}) {
    const auto loaded = load_cluster({std::string(TROUPE_SOURCE_DIR "/cluster_configs/") + name, {}, {}, 3});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_THAT(loaded->notes, IsEmpty()) << name;
    EXPECT_THAT(loaded->config.shared.model.path, HasSubstr("models/smollm2-135m-instruct"));
  }
}

TEST(ClusterYaml, TheShippedSchemaIsTheOneThatTheTablesGive) {
  const std::string shipped = read_file(TROUPE_SOURCE_DIR "/cluster_configs/cluster.schema.json", 1 << 20).value();
  EXPECT_EQ(nlohmann::json::parse(shipped), nlohmann::json::parse(cluster_schema_json()))
      << "write it again: troupe schema --cluster > cluster_configs/cluster.schema.json";
}

TEST(ClusterSchema, NamesEveryKeyOfEveryTableAndWhichAreRequired) {
  const auto schema = nlohmann::json::parse(cluster_schema_json());
  const auto& node = schema.at("properties").at("nodes").at("items");
  const auto& machine = node.at("properties").at("machines").at("items");
  for (const auto& [table, object] :
       {std::pair(&cluster_keys(), &schema), std::pair(&node_keys(), &node), std::pair(&machine_keys(), &machine)}) {
    for (const Key& key : *table) {
      std::string pointer = "/properties/" + key.path;
      for (std::size_t dot; (dot = pointer.find('.')) != std::string::npos;) pointer.replace(dot, 1, "/properties/");
      ASSERT_TRUE(object->contains(nlohmann::json::json_pointer(pointer))) << key.path;
      EXPECT_EQ(object->at(nlohmann::json::json_pointer(pointer)).at("description"), key.help);
    }
    EXPECT_EQ(object->at("additionalProperties"), false);
  }
  EXPECT_EQ(schema.at("required"), (nlohmann::json{"cluster", "nodes"}));
  EXPECT_EQ(node.at("required"), (nlohmann::json{"name", "control_port"}));
  EXPECT_EQ(machine.at("required"), (nlohmann::json{"name", "role"}));
}

}  // namespace
}  // namespace troupe::config
