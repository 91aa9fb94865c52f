// A request whose two phases run on two machines of one process.
#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/cluster_process.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

constexpr const char* kCompletions = "/v1/completions";

std::vector<Json> calls() {
  std::vector<Json> all;
  for (std::size_t i = 0; i < 6; ++i) {
    auto call = greedy(long_prompt(i % 2 == 0 ? 3 : 450, i), 40);
    call["return_token_ids"] = true;
    if (i % 3 == 1) call.update({{"temperature", 0.8}, {"seed", 1000 + i}});
    all.push_back(std::move(call));
  }
  return all;
}

std::vector<Json> choices_of(const std::vector<Answer>& answers) {
  std::vector<Json> all;
  for (const auto& answer : answers) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    all.push_back(answer.json().value("choices", Json()));
  }
  return all;
}

/// `node` has the prompt machine and the token machine.
void expect_split_in(const std::string& node) {
  const auto asked = calls();
  const ServedProcess alone;
  const auto expected = choices_of(Api(alone.url()).post_all(kCompletions, asked));
  ClusterShape shape{{{"p0", "prompt"}, {"t0", "token"}}};
  shape.together = node;
  const ClusterProcess cluster(shape);
  const auto answers = cluster.api().post_all(kCompletions, asked);
  EXPECT_EQ(choices_of(answers), expected);
  const auto outcome = run_troupe({"request", answers.back().json()["id"], "--json", "--url", cluster.url()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto transfers = Json::parse(outcome.out)[0]["transfers"];
  ASSERT_EQ(transfers.size(), 1u) << outcome.out;
  EXPECT_EQ(transfers[0]["from"], node);
  EXPECT_EQ(transfers[0]["to"], node);
  EXPECT_EQ(transfers[0]["arrived"], true);
  EXPECT_GT(transfers[0]["bytes"], 0);
}

TEST(NearSplit, AnswersAsOneMachineDoesInTheNodeThatTakesCalls) { expect_split_in("front"); }

TEST(NearSplit, AnswersAsOneMachineDoesInANodeThatAnotherOneRoutesFor) { expect_split_in("pair"); }

}  // namespace
}  // namespace troupe::end_to_end
