// Strangers at a cluster's ports: what they send changes neither memory nor service, with TLS and without. More of it,
// for longer: tools/experiments/noise.py.
#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/cluster_process.hpp"

namespace troupe::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kCompletions = "/v1/completions";
constexpr const char* kGreeting = "Troupe\0d\0\1\0\0\0\0\0\0";
#ifdef __SANITIZE_ADDRESS__
constexpr long kMostGrowthKib = 320 * 1024;  // AddressSanitizer keeps 256 MiB of what was freed
#else
constexpr long kMostGrowthKib = 16 * 1024;
#endif
/// The HTTP server lets one address have so many connections at most, and the test's own calls come from the same.
constexpr std::size_t kHeldOverHttp = 8;

std::set<std::string> sockets_of(pid_t pid) {
  std::set<std::string> inodes;
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  DIR* open = ::opendir(folder.c_str());
  while (const dirent* entry = open ? ::readdir(open) : nullptr) {
    char target[64] = "";
    if (::readlink((folder + "/" + entry->d_name).c_str(), target, sizeof target - 1) <= 0) continue;
    if (std::string(target).starts_with("socket:["))
      inodes.insert(std::string(target + 8).substr(0, std::string(target + 8).find(']')));
  }
  if (open) ::closedir(open);
  return inodes;
}

/// The ports that a process listens on, by the kernel's table of TCP sockets. Any that is not on loopback fails the
/// test.
std::set<int> listening_ports(pid_t pid) {
  const auto own = sockets_of(pid);
  std::set<int> ports;
  std::ifstream table("/proc/net/tcp");
  std::string line;
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, skipped, inode;
    fields >> slot >> local >> remote >> state >> skipped >> skipped >> skipped >> skipped >> skipped >> inode;
    if (state != "0A" || !own.contains(inode)) continue;
    EXPECT_THAT(local, HasSubstr("0100007F:"));
    ports.insert(std::stoi(local.substr(local.find(':') + 1), nullptr, 16));
  }
  return ports;
}

long resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (status >> word)
    if (word == "VmRSS:") break;
  long kib = 0;
  status >> kib;
  return kib;
}

/// A connection that has said `bytes`; -1 where it was not let in.
int throw_at(int port, const std::string& bytes) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  pollfd polled{fd, POLLOUT, 0};
  if (::poll(&polled, 1, 500) != 1) {
    ::close(fd);
    return -1;
  }
  // What was refused in the middle is not sent to its end.
  static_cast<void>(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  return fd;
}

std::string number(std::uint32_t value, bool network_order) {
  if (network_order) value = htonl(value);
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::vector<std::string> attacks() {
  const std::string greeting(kGreeting, 16);
  std::mt19937 draw(7);
  std::string noise(10'000, '\0');
  for (char& byte : noise) byte = static_cast<char>(draw());
  std::vector<std::string> all{noise, greeting + noise, greeting, "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"};
  // UCX: its magic number (0xcafebabe12345678), then frames of kinds that it has, with lengths that it does not.
  const std::string magic("\x78\x56\x34\x12\xbe\xba\xfe\xca", 8);
  for (const std::uint32_t length : {0U, 1U, 0x80000000U, 0xffffffffU}) {
    for (char kind = 0; kind <= 7; ++kind) {
      const std::string header =
          std::string(1, kind) + std::string(3, '\0') + number(length, true) + std::string(24, '\0');
      all.push_back(header);
      all.push_back(greeting + header + "payload");
    }
    for (const char kind : {'\0', '\x02', '\x20', '\x21', '\xff'})
      all.push_back(magic + kind + number(length, false) + noise);
  }
  return all;
}

void expect_untouched_by_strangers(const std::string& more) {
  const ClusterProcess cluster({{{"prompt0", "prompt"}, {"token0", "token"}}, "auto", more});
  const auto call = greedy(long_prompt(60), 40);
  const std::string undisturbed = cluster.api().post(kCompletions, call).text();
  ASSERT_NE(undisturbed, "");
  const auto pids = cluster.pids();
  std::set<int> ports;
  std::vector<long> before;
  for (const pid_t pid : pids) {
    ports.merge(listening_ports(pid));
    before.push_back(resident_kib(pid));
  }
  const auto& control = cluster.file().control_ports();
  EXPECT_GE(ports.size(), control.size() + 1 + pids.size()) << "a control port, one for HTTP and UCX's own";
  const int http = std::stoi(cluster.url().substr(cluster.url().rfind(':') + 1));
  const auto lets_in = [](int port) {
    const int fd = throw_at(port, "");
    if (fd >= 0) ::close(fd);
    return fd >= 0;
  };
  for (const int port : ports) {
    if (port == http || std::find(control.begin(), control.end(), port) != control.end()) continue;
    EXPECT_TRUE(comes_true([&] { return !lets_in(port); })) << "UCX's port is open though the nodes have met: " << port;
  }
  const auto stream = cluster.api().open(kCompletions, greedy("Once upon a time", 1500));
  std::vector<int> held;
  for (const int port : ports) {
    std::size_t holds = port == http ? kHeldOverHttp : std::numeric_limits<std::size_t>::max();
    for (const std::string& bytes : attacks()) {
      const int fd = throw_at(port, bytes);
      if (fd < 0) break;  // the port is shut
      if (holds == 0) {
        ::close(fd);
        continue;
      }
      --holds;
      held.push_back(fd);
    }
    stream->pump();
  }
  EXPECT_EQ(cluster.api().post(kCompletions, call).text(), undisturbed);
  stream->rest();
  EXPECT_TRUE(stream->ended_well());
  for (const int fd : held) ::close(fd);
  EXPECT_EQ(cluster.api().post(kCompletions, call).text(), undisturbed);
  EXPECT_EQ(cluster.pids(), pids);
  for (std::size_t i = 0; i < pids.size(); ++i) EXPECT_LT(resident_kib(pids[i]) - before[i], kMostGrowthKib);
}

TEST(Noise, AtEveryPortOfAClusterChangesNothing) { expect_untouched_by_strangers(""); }

TEST(Noise, AtEveryPortOfAClusterWithTlsChangesNothing) {
  const TemporaryFolder folder;
  const std::string certs = (folder.path() / "certs").string();
  const auto made = run_troupe({"certs", certs, "--node", "front", "--node", "prompt0", "--node", "token0"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, AllOf(HasSubstr("Made for: front, prompt0, token0"), HasSubstr("tls: {ca: " + certs)));
  expect_untouched_by_strangers("tls: {ca: " + certs + "/ca.pem, certificate: \"" + certs + "/{name}.pem\", key: \"" +
                                certs + "/{name}.key\"}\n");
}

TEST(Certs, AreMadeForAFilesNodesAndKeptWhenMadeAgain) {
  const TemporaryFolder folder;
  const std::string certs = (folder.path() / "certs").string();
  const auto file =
      folder.write("cluster.yaml", "cluster: c\nmodel: {path: " + demo_model() +
                                       "}\ntls: {ca: certs/ca.pem, certificate: \"certs/{name}.pem\", key: "
                                       "\"certs/{name}.key\"}\nnodes:\n  - {name: one, router: true, http: "
                                       "{}, control_port: 7401, machines: [{name: m0, role: mixed}]}\n");
  const auto without = run_troupe({"check", file});
  EXPECT_EQ(without.exit_code, 78);
  EXPECT_THAT(without.err, HasSubstr("Make them: troupe certs " + certs + " --config " + file));
  const auto made = run_troupe({"certs", certs, "--config", file});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  const auto with = run_troupe({"check", file});
  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_THAT(with.out, HasSubstr("mutual TLS"));
  const auto again = run_troupe({"certs", certs, "--config", file, "--node", "two"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, AllOf(HasSubstr("Made for: two"), HasSubstr("Kept, as they are there: one")));
}

TEST(Certs, OfNoNodeAreRefused) {
  const TemporaryFolder folder;
  const auto outcome = run_troupe({"certs", folder.path().string()});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("For which nodes?"));
}

TEST(Certs, OfAnotherCaKeepANodeOut) {
  const TemporaryFolder folder;
  const std::string certs = (folder.path() / "certs").string();
  const std::string others = (folder.path() / "others").string();
  ASSERT_EQ(run_troupe({"certs", certs, "--node", "front", "--node", "m0"}).exit_code, 0);
  ASSERT_EQ(run_troupe({"certs", others, "--node", "m0"}).exit_code, 0);
  const ClusterFile file({{{"m0", "mixed"}},
                          "auto",
                          "tls: {ca: " + certs + "/ca.pem, certificate: \"" + certs + "/{name}.pem\", key: \"" + certs +
                              "/{name}.key\"}\n"});
  // Its own CA beside the cluster's: it takes itself for a good node.
  std::ofstream(certs + "/m0.pem") << std::ifstream(others + "/m0.pem").rdbuf();
  std::ofstream(certs + "/m0.key") << std::ifstream(others + "/m0.key").rdbuf();
  ChildProcess refused({"node", "--config", file.path(), "--name", "m0", "--model", demo_model()});
  EXPECT_EQ(refused.wait(std::chrono::seconds(60)), 78);
  EXPECT_THAT(refused.standard_error(), HasSubstr("is no certificate of the cluster's CA"));
}

}  // namespace
}  // namespace troupe::end_to_end
