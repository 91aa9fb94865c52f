// The commands other than `serve`, as they are typed.
#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kCompletions = "/v1/completions";

class AgainstAServer : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<ServedProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }
  const std::string url_ = server_->url();
  const Api api_{url_};
  const pid_t pid_ = server_->process().pid();

 private:
  static inline std::unique_ptr<ServedProcess> server_;
};

TEST_F(AgainstAServer, StatusAsJsonTellsTheNodeAndItsBlocks) {
  const auto outcome = run_troupe({"status", "--json", "--url", url_});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto status = Json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(status.is_object()) << outcome.out;
  EXPECT_EQ(status["nodes"][0]["pid"], pid_);
  EXPECT_EQ(status["nodes"][0]["state"], "serving");
  const auto blocks = status["machines"][0]["blocks"];
  EXPECT_GT(blocks["total"], 0);
  EXPECT_EQ(blocks["free"], blocks["total"]);
  EXPECT_EQ(status["machines"][0]["running"], 0);
}

TEST_F(AgainstAServer, StatusShowsARequestThatRuns) {
  const auto stream = api_.open(kCompletions, greedy("Once", 1900));
  ASSERT_TRUE(stream->next());
  const auto outcome = run_troupe({"status", "--json", "--url", url_});
  const auto machine = Json::parse(outcome.out)["machines"][0];
  EXPECT_EQ(machine["running"], 1);
  EXPECT_GT(machine["blocks"]["held"], 0);
  EXPECT_EQ(machine["blocks"]["held"].get<int>() + machine["blocks"]["free"].get<int>(), machine["blocks"]["total"]);
}

TEST_F(AgainstAServer, StatusIsReadableForPeople) {
  const auto outcome = run_troupe({"status", "--url", url_});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("NODE"), HasSubstr("MACHINE"), HasSubstr("KV BLOCKS"), HasSubstr(std::to_string(pid_))));
}

TEST_F(AgainstAServer, ARequestsMessagesAreToldByItsIdAndByItsHeader) {
  const auto answer = api_.post(kCompletions, greedy("Once upon a time", 3));
  for (const auto& id : {answer.json()["id"].get<std::string>(), answer.header("x-request-id")}) {
    const auto outcome = run_troupe({"request", id, "--url", url_});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    // In the order in which things happen.
    std::size_t at = 0;
    for (const char* message : {"RouteRequest", "RouteDecided", "AdmitRequest", "BlocksReserved", "RunPrompt",
                                "PromptCommitted", "TokensGenerated", "RequestEnded"}) {
      at = outcome.out.find(message, at);
      ASSERT_NE(at, std::string::npos) << message << " in\n" << outcome.out;
    }
    EXPECT_THAT(outcome.out, HasSubstr("splitwise")) << "with the policy's reasons";
    EXPECT_THAT(outcome.out, HasSubstr("3 generated"));
  }
}

TEST_F(AgainstAServer, ARequestsMessagesAreToldAsJson) {
  const auto answer = api_.post(kCompletions, greedy("Once upon a time", 3));
  const auto outcome = run_troupe({"request", answer.header("x-request-id"), "--json", "--url", url_});
  const auto traces = Json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(traces.is_array() && traces.size() == 1) << outcome.out;
  EXPECT_EQ(traces[0]["complete"], true);
  double before = 0;
  std::size_t handled = 0;
  for (const auto& message : traces[0]["messages"]) {
    EXPECT_GE(message["sent_us"].get<double>(), before);
    before = message["sent_us"];
    if (message["waited_us"].is_null()) continue;  // still on its way: the answer came before the last notices
    EXPECT_GE(message["waited_us"].get<double>(), 0);
    ++handled;
  }
  EXPECT_GT(handled, 10u);
}

TEST_F(AgainstAServer, ARequestThatNobodyKnowsIsNotFound) {
  EXPECT_EQ(run_troupe({"request", "nonsense", "--url", url_}).exit_code, 66);
  EXPECT_EQ(run_troupe({"request", "../v1/models", "--url", url_}).exit_code, 64);
}

TEST_F(AgainstAServer, BenchCountsWhatTheServerGenerated) {
  const auto before = api_.metric("troupe_generation_tokens_total");
  const auto outcome = run_troupe({"bench", "--url", url_, "--num-prompts", "12", "--max-concurrency", "4",
                                   "--input-len", "32", "--output-len", "10", "--ignore-eos", "--warmup", "0"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("Serving Benchmark Result"), ContainsRegex("Successful requests: +12"),
                    ContainsRegex("Total input tokens: +384"), ContainsRegex("Total generated tokens: +120")));
  EXPECT_EQ(api_.metric("troupe_generation_tokens_total") - before, 120);
}

TEST(Commands, WithoutAServerSayThatNoneAnswers) {
  const auto outcome = run_troupe({"status", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(outcome.exit_code, 69);
  EXPECT_THAT(outcome.err, HasSubstr("http://127.0.0.1:1"));
}

TEST(Commands, CheckPrintsTheMemoryPlan) {
  const auto outcome = run_troupe({"check", demo_model(), "--kv-memory", "64MiB"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("LlamaForCausalLM"), HasSubstr("1365 blocks"),
                                 HasSubstr("3072 bytes a token"), HasSubstr("10 sequences of 2048 tokens")));
}

TEST(Commands, RunPrintsTheAnswerThatTheServerGives) {
  const auto outcome =
      run_troupe({"run", demo_model(), "Who is Elizabeth?", "--temperature", "0", "--max-tokens", "30"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const ServedProcess server;
  const Json messages = {{{"role", "user"}, {"content", "Who is Elizabeth?"}}};
  const auto answer =
      Api(server.url()).post("/v1/chat/completions", {{"messages", messages}, {"temperature", 0}, {"max_tokens", 30}});
  EXPECT_EQ(outcome.out, answer.text() + "\n");
}

TEST(Commands, RunContinuesARawPrompt) {
  const auto outcome = run_troupe({"run", demo_model(), "It is a truth universally", "--raw", "--temperature", "0",
                                   "--max-tokens", "8", "--stats"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_GT(outcome.out.size(), 8u);
  EXPECT_THAT(outcome.err, HasSubstr("8 tokens"));
}

TEST(Commands, AnUnknownFlagIsAnsweredWithTheOneThatWasMeant) {
  const auto outcome = run_troupe({"serve", demo_model(), "--prot", "0"});
  EXPECT_EQ(outcome.exit_code, 64);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"--port\""));
}

TEST(Commands, AnUnknownSettingIsAnsweredWithTheOneThatWasMeant) {
  const auto outcome = run_troupe({"serve", demo_model(), "--set", "http.prot=0"});
  EXPECT_EQ(outcome.exit_code, 64);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"http.port\""));
}

TEST(Commands, AnUnknownCommandIsAnsweredWithTheOneThatWasMeant) {
  const auto outcome = run_troupe({"srve", demo_model()});
  EXPECT_EQ(outcome.exit_code, 64);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"serve\""));
}

TEST(Commands, AValueOutOfRangeIsRefusedByName) {
  const auto outcome = run_troupe({"serve", demo_model(), "--port", "70000"});
  EXPECT_THAT(outcome.exit_code, ::testing::AnyOf(64, 78)) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("port"), HasSubstr("65535")));
}

TEST(Commands, HelpStartsWithExamples) {
  for (const std::string command : {"serve", "run", "check", "bench", "status", "request", "blocks", "doctor"}) {
    const auto outcome = run_troupe({command, "--help"});
    EXPECT_EQ(outcome.exit_code, 0) << command;
    EXPECT_LT(outcome.out.find("Examples:"), outcome.out.find("Options:")) << command << "\n" << outcome.out;
  }
}

TEST(Commands, VersionSaysWhatThisIs) {
  const auto outcome = run_troupe({"version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, ContainsRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

}  // namespace
}  // namespace troupe::end_to_end
