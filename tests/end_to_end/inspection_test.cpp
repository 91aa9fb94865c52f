// Looking into a running cluster: who holds blocks, how nodes reach each other, and how a prompt's KV travelled.
#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/cluster_process.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kCompletions = "/v1/completions";

class LookingIn : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const ClusterShape shape{{{"prompt0", "prompt"}, {"token0", "token"}}, "reference"};
    cluster_ = std::make_unique<ClusterProcess>(shape);
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  const Api api_ = cluster_->api();
  const std::string url_ = cluster_->url();
  const std::string file_ = cluster_->file().path();

 private:
  static inline std::unique_ptr<ClusterProcess> cluster_;
};

TEST_F(LookingIn, BlocksNamesWhoHoldsThemOnAnotherNodesMachine) {
  const auto stream = api_.open(kCompletions, greedy("Once", 1900));
  ASSERT_TRUE(stream->next());
  ASSERT_TRUE(stream->next());  // by now its KV is with the token machine
  const auto outcome = run_troupe({"blocks", "token0", "--json", "--url", url_});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto blocks = Json::parse(outcome.out);
  EXPECT_EQ(blocks["node"], "token0");
  ASSERT_EQ(blocks["leases"].size(), 1u) << outcome.out;
  EXPECT_EQ(blocks["leases"][0]["home"], "front");
  EXPECT_EQ(blocks["leases"][0]["phase"], "decoding");
  EXPECT_EQ(blocks["leases"][0]["blocks"], blocks["blocks"]["held"]);
  EXPECT_THAT(run_troupe({"blocks", "token0", "--url", url_}).out, AllOf(HasSubstr("REQUEST"), HasSubstr("decoding")));
}

TEST_F(LookingIn, BlocksOfAMachineThatIsNotThereNamesThoseThatAre) {
  const auto outcome = run_troupe({"blocks", "token9", "--url", url_});
  EXPECT_EQ(outcome.exit_code, 66);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("token9"), HasSubstr("prompt0, token0")));
}

TEST_F(LookingIn, DoctorMeasuresTheWaysBetweenMachinesAndFindsTheFilesPortsTaken) {
  const auto outcome = run_troupe({"doctor", "--config", file_, "--url", url_, "--json"});
  const auto findings = Json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(findings.is_array()) << outcome.out << outcome.err;
  std::size_t ways = 0;
  std::size_t ports = 0;
  for (const auto& finding : findings) {
    const std::string what = finding["what"];
    const std::string found = finding["found"];
    if (what == "prompt0 -> token0" || what == "token0 -> prompt0") {
      ++ways;
      EXPECT_THAT(found, AllOf(HasSubstr("shared memory"), HasSubstr("round trip"), HasSubstr("B/s"))) << outcome.out;
    }
    if (found.starts_with("control port")) {
      ++ports;
      EXPECT_THAT(found, HasSubstr("as it should be"));
    }
  }
  EXPECT_EQ(ways, 2u) << outcome.out;
  EXPECT_EQ(ports, 3u) << outcome.out;
}

TEST_F(LookingIn, ARequestTellsHowItsKvTravelled) {
  auto call = greedy(long_prompt(300, 1), 4);
  const auto answer = api_.post(kCompletions, call);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto outcome = run_troupe({"request", answer.json()["id"], "--json", "--url", url_});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto trace = Json::parse(outcome.out)[0];
  ASSERT_EQ(trace["transfers"].size(), 1u) << outcome.out;
  const auto transfer = trace["transfers"][0];
  EXPECT_EQ(transfer["from"], "prompt0");
  EXPECT_EQ(transfer["to"], "token0");
  EXPECT_EQ(transfer["arrived"], true);
  EXPECT_GT(transfer["bytes"], 0);
  EXPECT_GE(transfer["groups"], 1);
  EXPECT_TRUE(transfer["exposed_tail_us"].is_number()) << outcome.out;
  EXPECT_THAT(run_troupe({"request", answer.json()["id"], "--url", url_}).out,
              AllOf(HasSubstr("KV from prompt0 to token0"), HasSubstr("exposed tail")));
}

TEST(LookingIntoAServer, BlocksOfAServerThatIsAloneAreShownToo) {
  const ServedProcess server;
  const auto outcome = run_troupe({"blocks", "m0", "--url", server.url()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("machine  m0"), HasSubstr("Nobody holds any.")));
}

}  // namespace
}  // namespace troupe::end_to_end
