// Clusters of real processes: that their answers are those of one process, and stay so when nodes die, stall, or are of
// another model; and that what is stopped leaves nothing behind.
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/cluster_process.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr const char* kCompletions = "/v1/completions";
constexpr std::chrono::milliseconds kExitLimit{30'000};
constexpr std::size_t kStreams = 4;

const ClusterShape kTwoAndTwo{{{"prompt0", "prompt"}, {"prompt1", "prompt"}, {"token0", "token"}, {"token1", "token"}}};
const ClusterShape kOneAndOne{{{"prompt0", "prompt"}, {"token0", "token"}}};

/// Slow enough to be struck in the middle.
ClusterShape slow(std::vector<ClusterShape::Machine> machines) {
  return {std::move(machines), "reference", "failure: {heartbeat: 50ms, silence: 1s}\n"};
}

/// Greedy and seeded in turn; what comes back is told token by token.
std::vector<Json> calls_of(std::size_t count, std::size_t words, int tokens) {
  std::vector<Json> calls;
  for (std::size_t i = 0; i < count; ++i) {
    auto call = greedy(long_prompt(words + 7 * i, i), tokens);
    call["return_token_ids"] = true;
    if (i % 2 == 1) call.update({{"temperature", 0.8}, {"seed", 1000 + i}});
    calls.push_back(std::move(call));
  }
  return calls;
}

Json choices_of(const Answer& answer) {
  EXPECT_EQ(answer.status, 200) << answer.body;
  return answer.json().value("choices", Json());
}

std::vector<Json> answers(const Api& api, const std::vector<Json>& calls) {
  std::vector<Json> all;
  for (const auto& answer : api.post_all(kCompletions, calls)) all.push_back(choices_of(answer));
  return all;
}

/// Text, token ids and finish_reason, as `troupe serve` gives them.
struct Told {
  std::string text;
  std::vector<int> ids;
  std::string end;
  bool operator==(const Told&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Told& told) {
  return out << told.ids.size() << " tokens, " << told.end << ": " << told.text;
}

std::vector<Told> told_by_serve(const std::vector<Json>& calls) {
  const ServedProcess server;
  std::vector<Told> all;
  for (const auto& choices : answers(Api(server.url()), calls))
    all.push_back({choices[0]["text"], choices[0]["token_ids"].get<std::vector<int>>(), choices[0]["finish_reason"]});
  return all;
}

/// Streams that are read side by side, so far as the test goes.
class Streams {
 public:
  Streams(Api api, const std::vector<Json>& calls) : api_(std::move(api)) {
    for (const auto& call : calls) streams_.push_back(api_.open(kCompletions, call));
    told_.resize(streams_.size());
    ids_.resize(streams_.size());
    pump();
  }

  void pump() {
    for (const auto& stream : streams_) stream->pump();
  }

  /// Reads all of them until each has so many tokens.
  void read_to(std::size_t tokens) {
    for (std::size_t i = 0; i < streams_.size(); ++i)
      while (told_[i].ids.size() < tokens && step(i)) pump();
  }

  /// Reads all to their ends; a stream that broke off has "broken" for its end.
  const std::vector<Told>& rest() {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      while (step(i)) {
      }
      if (!done_.contains(i) || !streams_[i]->ended_well()) told_[i].end = "broken";
    }
    return told_;
  }

  /// How many of them were given to machines more than once.
  std::size_t moved() const {
    std::size_t count = 0;
    for (const auto& id : ids_) {
      const auto trace = api_.get("/troupe/requests/" + id + "?format=json").json();
      const auto& messages = trace.at(0).at("messages");
      count += std::count_if(messages.begin(), messages.end(),
                             [](const Json& message) { return message.at("name") == "RouteDecided"; }) > 1;
    }
    return count;
  }

 private:
  bool step(std::size_t i) {
    const auto event = streams_[i]->next();
    if (!event) return false;
    if (*event == "[DONE]") {
      done_.insert(i);
      return true;
    }
    const auto json = Json::parse(*event);
    if (json.contains("error")) {
      ADD_FAILURE() << "stream " << i << ": " << *event;
      return true;
    }
    ids_[i] = json.at("id");
    const auto& choice = json.at("choices").at(0);
    told_[i].text += choice.at("text").get<std::string>();
    for (const int id : choice.at("token_ids")) told_[i].ids.push_back(id);
    if (choice.at("finish_reason").is_string()) told_[i].end = choice["finish_reason"];
    return true;
  }

  Api api_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Told> told_;
  std::vector<std::string> ids_;
  std::set<std::size_t> done_;
};

/// The node with a machine of that role that has the most to do.
std::string busiest(const Api& api, const std::string& role) {
  std::string name;
  std::int64_t most = 0;
  const auto status = api.get("/troupe/status").json();
  for (const auto& machine : status.at("machines")) {
    const auto load = machine.at("running").get<std::int64_t>() + machine.at("waiting").get<std::int64_t>();
    if (machine.at("role") != role || load <= most) continue;
    most = load;
    name = machine.at("node");
  }
  return name;
}

/// Waits for a machine of that role to have work, and names its node.
std::string comes_to_work(const Api& api, const std::string& role) {
  std::string name;
  EXPECT_TRUE(comes_true([&] {
    name = busiest(api, role);
    return !name.empty();
  }));
  return name;
}

bool runs(pid_t pid) { return ::kill(pid, 0) == 0; }

/// What /proc/PID/status says of the field.
std::string first_word_after(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;)
    if (word == field && status >> word) return word;
  return "";
}

/// The most memory that the process ever held.
std::set<std::string> socket_inodes(pid_t pid) {
  std::set<std::string> inodes;
  for (const auto& file : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(file.path(), gone).string();
    if (target.starts_with("socket:[")) inodes.insert(target.substr(8, target.size() - 9));
  }
  return inodes;
}

/// The local addresses, as the kernel writes them (4 or 16 bytes in hexadecimal), of sockets of `pid` that anybody may
/// send to: TCP sockets that listen, UDP sockets of any state.
std::vector<std::string> open_addresses(pid_t pid) {
  constexpr const char* kListen = "0A";
  const auto own = socket_inodes(pid);
  std::vector<std::string> addresses;
  for (const std::string table : {"tcp", "tcp6", "udp", "udp6"}) {
    std::ifstream file("/proc/net/" + table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string place, local, remote, state, skipped, inode;
      words >> place >> local >> remote >> state >> skipped >> skipped >> skipped >> skipped >> skipped >> inode;
      if (own.contains(inode) && (table.starts_with("udp") || state == kListen))
        addresses.push_back(local.substr(0, local.find(':')));
    }
  }
  return addresses;
}

/// The demo model with one bit of its last norm's first weight turned.
void write_other_model(const std::filesystem::path& folder) {
  std::filesystem::copy(demo_model(), folder, std::filesystem::copy_options::recursive);
  std::fstream file(folder / "model.safetensors", std::ios::binary | std::ios::in | std::ios::out);
  std::uint64_t header_bytes = 0;
  file.read(reinterpret_cast<char*>(&header_bytes), sizeof header_bytes);
  std::string header(header_bytes, ' ');
  file.read(header.data(), static_cast<std::streamsize>(header_bytes));
  const auto tensor = Json::parse(header).at("model.norm.weight");
  const auto place = static_cast<std::streamoff>(sizeof header_bytes + header_bytes +
                                                 tensor.at("data_offsets").at(0).get<std::uint64_t>());
  file.seekg(place);
  const char turned = static_cast<char>(file.get() ^ 1);
  file.seekp(place);
  file.put(turned);
  ASSERT_TRUE(file.good());
}

TEST(Cluster, AnswersAsOneProcessDoes) {
  auto calls = calls_of(6, 3, 40);
  for (auto& call : calls_of(4, 450, 40)) calls.push_back(std::move(call));
  for (auto& call : calls) call["logprobs"] = 2;
  const ServedProcess server;
  const auto expected = answers(Api(server.url()), calls);
  ASSERT_GT(expected.back()[0]["prompt_token_ids"].size(), 450u);
  const ClusterProcess cluster(kTwoAndTwo);
  EXPECT_EQ(answers(cluster.api(), calls), expected);
}

TEST(Cluster, MachinesOfDifferentKindsAndSizesShareARequest) {
  auto calls = calls_of(4, 3, 40);
  for (auto& call : calls_of(4, 450, 40)) calls.push_back(std::move(call));
  const auto expected = told_by_serve(calls);
  const ClusterProcess cluster({{{"prompt0", "prompt", "avx2", "16MiB"}, {"token0", "token", "reference", "48MiB"}}});
  Streams streams(cluster.api(), calls);
  EXPECT_EQ(streams.rest(), expected);
  EXPECT_EQ(streams.moved(), 0u);
}

TEST(Cluster, StreamsGoOnWhenTheirTokenNodeIsKilledAndItComesBack) {
  const auto calls = calls_of(kStreams, 5, 80);
  const auto expected = told_by_serve(calls);
  const ClusterProcess cluster(slow({{"prompt0", "prompt"}, {"token0", "token"}, {"token1", "token"}}));
  Streams streams(cluster.api(), calls);
  streams.read_to(5);
  const auto victim = comes_to_work(cluster.api(), "token");
  const auto pid = cluster.pid_of(victim);
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_EQ(streams.rest(), expected);
  EXPECT_GT(streams.moved(), 0u) << "it should have been struck in the middle";
  EXPECT_TRUE(comes_true([&] { return cluster.pid_of(victim) != pid && cluster.at_rest(); }));
}

TEST(Cluster, LongPromptsAreComputedElsewhereWhenTheirPromptNodeIsKilled) {
  const auto calls = calls_of(kStreams, 100, 20);
  const auto expected = told_by_serve(calls);
  const ClusterProcess cluster(slow({{"prompt0", "prompt"}, {"prompt1", "prompt"}, {"token0", "token"}}));
  Streams streams(cluster.api(), calls);
  const auto victim = comes_to_work(cluster.api(), "prompt");
  const auto pid = cluster.pid_of(victim);
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_EQ(streams.rest(), expected);
  EXPECT_GT(streams.moved(), 0u) << "it should have been struck in the middle";
  EXPECT_TRUE(comes_true([&] { return cluster.pid_of(victim) != pid && cluster.at_rest(); }));
}

TEST(Cluster, StreamsGoOnWhileTheirTokenNodeIsStoppedAndAllBlocksAreFreeWhenItIsBack) {
  const auto calls = calls_of(kStreams, 5, 80);
  const auto expected = told_by_serve(calls);
  const ClusterProcess cluster(slow({{"prompt0", "prompt"}, {"token0", "token"}, {"token1", "token"}}));
  Streams streams(cluster.api(), calls);
  streams.read_to(5);
  const auto victim = comes_to_work(cluster.api(), "token");
  const auto pid = cluster.pid_of(victim);
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  EXPECT_EQ(streams.rest(), expected);
  EXPECT_GT(streams.moved(), 0u) << "it should have been struck in the middle";
  EXPECT_FALSE(cluster.at_rest());
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_TRUE(comes_true([&] { return cluster.at_rest(); }));
  EXPECT_EQ(cluster.pid_of(victim), pid);
}

TEST(Cluster, StreamsGoOnWhenTheRouterIsKilledAndAnotherTakesOver) {
  auto calls = calls_of(2 * kStreams, 5, 80);
  const auto expected = told_by_serve(calls);
  auto shape = slow({{"prompt0", "prompt"}, {"token0", "token"}, {"token1", "token"}});
  shape.chief = true;
  const ClusterProcess cluster(shape);
  const auto routes = [&](const std::string& node) {
    return shown(cluster.api(), "nodes", node).value("router", "") == "active";
  };
  EXPECT_TRUE(routes("chief"));
  const auto middle = calls.begin() + kStreams;
  Streams before(cluster.api(), {calls.begin(), middle});
  before.read_to(5);
  const auto pid = cluster.pid_of("chief");
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  Streams after(cluster.api(), {middle, calls.end()});
  auto told = before.rest();
  for (const auto& each : after.rest()) told.push_back(each);
  EXPECT_EQ(told, expected);
  EXPECT_EQ(before.moved(), 0u) << "none of their machines died";
  EXPECT_TRUE(routes("front"));
  EXPECT_TRUE(comes_true([&] { return cluster.pid_of("chief") != 0 && cluster.at_rest(); }));
  EXPECT_TRUE(routes("front"));
}

TEST(Cluster, ShowsNodesWithTheirProcessesAndMachinesWithTheirRoles) {
  ClusterProcess cluster(kOneAndOne);
  const auto pids = cluster.pids();
  EXPECT_EQ(std::set<pid_t>(pids.begin(), pids.end()).size(), 3u);
  for (const pid_t pid : pids) {
    const auto parent = first_word_after(pid, "PPid:");
    EXPECT_EQ(parent, std::to_string(cluster.process().pid())) << "process " << pid;
  }
  const auto prompt = shown(cluster.api(), "machines", "prompt0");
  EXPECT_EQ(prompt.value("role", ""), "prompt");
  EXPECT_EQ(prompt.value("node", ""), "prompt0");
  EXPECT_EQ(prompt.value("state", ""), "serving");
  EXPECT_EQ(shown(cluster.api(), "machines", "token0").value("role", ""), "token");
}

TEST(Cluster, IsReadyOnceAMachineIsThere) {
  const ClusterFile file(kOneAndOne);
  const NodeProcess front(file, "front");
  const Api api(front.url());
  EXPECT_EQ(api.get("/livez").status, 200);
  EXPECT_EQ(api.get("/readyz").status, 503);
  const auto refused = api.post(kCompletions, greedy("Once", 2));
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("no machine"));
  const NodeProcess prompt(file, "prompt0");
  EXPECT_TRUE(comes_true([&] { return api.get("/readyz").status == 200; }));
  EXPECT_EQ(choices_of(api.post(kCompletions, greedy("Once", 2)))[0]["finish_reason"], "length");
}

TEST(Cluster, ListensOnLoopbackAlone) {
  const ClusterProcess cluster(kOneAndOne);
  choices_of(cluster.api().post(kCompletions, greedy(long_prompt(100), 4)));
  std::size_t listening = 0;
  for (const pid_t pid : cluster.pids()) {
    const auto addresses = open_addresses(pid);
    EXPECT_THAT(addresses, Each("0100007F")) << "process " << pid;
    listening += addresses.size();
  }
  EXPECT_GE(listening, 4u) << "three control ports and one for HTTP";
}

TEST(Cluster, SigtermLetsAStreamFinishAndLeavesNoProcess) {
  ClusterProcess cluster(slow(kOneAndOne.machines));
  const auto pids = cluster.pids();
  const auto calls = calls_of(1, 5, 60);
  const auto expected = told_by_serve(calls);
  Streams streams(cluster.api(), calls);
  streams.read_to(2);
  cluster.process().signal(SIGTERM);
  EXPECT_EQ(streams.rest(), expected);
  EXPECT_EQ(cluster.process().wait(kExitLimit), 0) << cluster.process().standard_output();
  for (const pid_t pid : pids) EXPECT_FALSE(runs(pid)) << "process " << pid;
}

TEST(Cluster, ANodeOfAnotherModelIsRefusedByNameAndNotUsed) {
  const TemporaryFolder folder;
  write_other_model(folder.path() / "other");
  const ClusterFile file(ClusterShape{{{"same", "mixed"}, {"other", "mixed"}}});
  NodeProcess front(file, "front");
  const NodeProcess other(file, "other", (folder.path() / "other").string());
  const Api api(front.url());
  ASSERT_TRUE(comes_true([&] { return front.process().standard_error().find("another model") != std::string::npos; }));
  std::istringstream log(front.process().standard_error());
  std::string refusal;
  for (std::string line; std::getline(log, line);)
    if (line.find("another model") != std::string::npos) refusal = line;
  const auto said = Json::parse(refusal);
  EXPECT_EQ(said["event"], "node_refused");
  EXPECT_EQ(said["node"], "other");
  EXPECT_EQ(api.get("/readyz").status, 503);
  const NodeProcess same(file, "same");
  ASSERT_TRUE(comes_true([&] { return api.get("/readyz").status == 200; }));
  EXPECT_EQ(api.post(kCompletions, greedy("Once", 2)).status, 200);
  EXPECT_TRUE(shown(api, "machines", "other").is_null());
}

TEST(Cluster, ANodeThatTheFileDoesNotHaveEndsWith78AndNamesThoseItHas) {
  const ClusterFile file(kOneAndOne);
  const auto outcome = run_troupe({"node", "--config", file.path(), "--name", "nobody"});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("no node \"nobody\""), HasSubstr("front, prompt0, token0")));
}

TEST(Cluster, UpOfAFileWithoutARouterEndsWith78AndSaysWhatToDo) {
  const TemporaryFolder folder;
  const auto file =
      folder.write("bad.yaml", "cluster: bad\nmodel: {path: " + demo_model() +
                                   "}\nnodes:\n  - {name: a, control_port: 20001, http: {port: 0}, machines: "
                                   "[{name: m, role: mixed}]}\n");
  const auto outcome = run_troupe({"up", file});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("bad.yaml"), HasSubstr("router: true")));
  EXPECT_EQ(outcome.out, "");
}

}  // namespace
}  // namespace troupe::end_to_end
