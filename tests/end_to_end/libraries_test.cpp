// Libraries that fail, one for each kind of policy, all at once: requests are served by the built-in rules, nobody
// dies, and the log says who failed.
#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/cluster_process.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

using testing::HasSubstr;

/// Built from tests/unit/actors/policies/libraries. Each throws, or answers nonsense, where there is one request.
std::string bad(const std::string& name) {
  return std::string(TROUPE_BUILD_DIR "/policy_libraries/libbad_") + name + ".so";
}

constexpr const char* kNames[] = {"bad", "bad_prompts", "bad_tokens", "bad_admission", "bad_roles"};

TEST(Libraries, OfEveryKindThatFailCostNoRequestOfAClusterAndTheLogNamesThem) {
  ClusterShape shape{{{"prompt0", "prompt"}, {"token0", "token"}}};
  shape.more = "scheduling: {policy: " + bad("policy") + ", prompt_batching: " + bad("prompts") +
               ", token_batching: " + bad("tokens") + ", admission: " + bad("admission") +
               "}\nroles: {policy: " + bad("roles") + ", interval: 100ms}\n";
  ClusterProcess cluster(shape);
  const auto answer = cluster.api().post("/v1/completions", greedy("It is", 8));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["usage"]["completion_tokens"], 8);
  const auto log = [&] { return cluster.process().standard_output() + cluster.process().standard_error(); };
  for (const std::string name : kNames)
    EXPECT_TRUE(comes_true([&] { return log().find("\"policy\":\"" + name + "\"") != std::string::npos; }))
        << name << "\n"
        << log();
  EXPECT_THAT(log(), HasSubstr("it threw: no idea"));
  EXPECT_NO_THROW(cluster.pids()) << "every node is there";
}

TEST(Libraries, OfARolePolicyGivesAMachineOfAClusterAnotherRole) {
  // "reference": slow, so that prompts are pending when the balancer looks.
  ClusterShape shape{{{"prompt0", "prompt"}, {"token0", "token"}}, "reference"};
  shape.more = "roles: {policy: " TROUPE_BUILD_DIR
               "/policy_libraries/libgood_roles.so, interval: 50ms, hold: 100ms}\nsplitwise: {overflow_prompt_tokens: "
               "7}\n";
  ClusterProcess cluster(shape);
  ASSERT_EQ(cluster.api().post("/v1/completions", greedy(long_prompt(400), 2)).status, 200);
  EXPECT_TRUE(comes_true([&] { return shown(cluster.api(), "machines", "token0")["role"] == "prompt"; }));
  const auto log = cluster.process().standard_output() + cluster.process().standard_error();
  EXPECT_THAT(log, HasSubstr("role_ordered"));
  EXPECT_THAT(log, HasSubstr("over 7")) << "the library's reason, with the setting that it was told";
}

TEST(Libraries, OfEveryKindThatFailCostNoRequestOfASimulationAndAreNamed) {
  const auto outcome =
      run_troupe({"simulate", "--machines", "prompt:h100-80gb,token:h100-80gb", "--rate", "1", "--duration", "5",
                  "--policy", bad("policy"), "--set", "scheduling.prompt_batching=" + bad("prompts"), "--set",
                  "scheduling.token_batching=" + bad("tokens"), "--set", "scheduling.admission=" + bad("admission"),
                  "--set", "roles.policy=" + bad("roles"), "--requests-csv", "/dev/stdout"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, testing::AllOf(HasSubstr(",finished\n"), testing::Not(HasSubstr(",failed\n"))));
  for (const std::string name : kNames)
    EXPECT_THAT(outcome.err, HasSubstr("\"" + name + "\" of a library failed")) << outcome.err;
}

}  // namespace
}  // namespace troupe::end_to_end
