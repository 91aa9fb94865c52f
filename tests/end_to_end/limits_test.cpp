// Calls that ask for too much, or for what is not there: each is refused with an error that OpenAI clients can read,
// and the server goes on.
#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kCompletions = "/v1/completions";

/// `status`, and an error body whose message holds `words`.
void expect_error(const Answer& answer, int status, const std::string& words) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_THAT(answer.header("content-type"), HasSubstr("application/json"));
  EXPECT_THAT(answer.header("x-request-id"), Not(""));
  const auto body = answer.json();
  ASSERT_TRUE(body.is_object() && body.contains("error")) << answer.body;
  for (const char* field : {"message", "type", "param", "code"}) EXPECT_TRUE(body["error"].contains(field)) << field;
  EXPECT_TRUE(body["error"]["type"].is_string());
  EXPECT_THAT(body["error"].value("message", ""), HasSubstr(words));
}

class Limits : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<ServedProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }
  void TearDown() override {
    EXPECT_EQ(api_.get("/readyz").status, 200) << "the server should have gone on";
    EXPECT_EQ(api_.blocks().free, api_.blocks().total);
  }
  Answer completion(const Json& more) const {
    auto body = greedy("Once", 4);
    body.update(more);
    return api_.post(kCompletions, body);
  }
  /// 400 that names `param`.
  void expect_refused(const std::string& path, const Json& more, const std::string& param) const {
    auto body = path == kChat ? Json{{"model", "checkpoint"}, {"messages", {{{"role", "user"}, {"content", "Hi"}}}}}
                              : greedy("Once", 4);
    body.update(more);
    const auto answer = api_.post(path, body);
    SCOPED_TRACE(more.dump().substr(0, 200));
    expect_error(answer, 400, param);
    EXPECT_EQ(answer.json()["error"]["param"], param);
    EXPECT_EQ(answer.json()["error"]["type"], "invalid_request_error");
  }
  const Api api_{server_->url()};

 private:
  static inline std::unique_ptr<ServedProcess> server_;
};

TEST_F(Limits, UnsupportedParametersAreRefusedByName) {
  const Json function = {{"type", "function"}, {"function", {{"name", "f"}}}};
  expect_refused(kChat, {{"tools", {function}}}, "tools");
  expect_refused(kChat, {{"tool_choice", "required"}}, "tool_choice");
  expect_refused(kChat, {{"response_format", {{"type", "json_object"}}}}, "response_format");
  expect_refused(kChat, {{"audio", {{"voice", "x"}}}}, "audio");
  expect_refused(kCompletions, {{"suffix", "x"}}, "suffix");
  expect_refused(kCompletions, {{"best_of", 3}}, "best_of");
  expect_refused(kCompletions, {{"use_beam_search", true}}, "use_beam_search");
  expect_refused(kCompletions, {{"guided_regex", "a*"}}, "guided_regex");
}

TEST_F(Limits, AnUnknownParameterIsRefusedWithTheOneThatWasMeant) {
  const auto answer = completion({{"temprature", 1}});
  expect_error(answer, 400, "temprature");
  EXPECT_THAT(answer.body, HasSubstr("temperature"));
}

TEST_F(Limits, NumbersOutOfRangeAreRefusedByName) {
  expect_refused(kCompletions, {{"n", 9}}, "n");
  expect_refused(kCompletions, {{"n", 0}}, "n");
  expect_refused(kCompletions, {{"temperature", -0.1}}, "temperature");
  expect_refused(kCompletions, {{"top_p", 1.5}}, "top_p");
  expect_refused(kCompletions, {{"max_tokens", 0}}, "max_tokens");
  expect_refused(kCompletions, {{"max_tokens", "many"}}, "max_tokens");
  expect_refused(kCompletions, {{"logprobs", 21}}, "logprobs");
  expect_refused(kChat, {{"logprobs", true}, {"top_logprobs", 21}}, "top_logprobs");
  expect_refused(kCompletions, {{"presence_penalty", 3}}, "presence_penalty");
  expect_refused(kCompletions, {{"max_tokens", 1e300}}, "max_tokens");
}

TEST_F(Limits, TooManyOrTooLongStopStringsAreRefused) {
  expect_refused(kCompletions, {{"stop", {"a", "b", "c", "d", "e"}}}, "stop");
  expect_refused(kCompletions, {{"stop", std::string(257, 'x')}}, "stop");
  expect_refused(kCompletions, {{"stop", ""}}, "stop");
  EXPECT_EQ(completion({{"stop", {"a", "b", "c", std::string(256, 'x')}}}).status, 200);
}

TEST_F(Limits, TooManyBiasesAreRefused) {
  Json biases = Json::object();
  for (int i = 0; i < 1025; ++i) biases[std::to_string(i)] = 1;
  expect_refused(kCompletions, {{"logit_bias", biases}}, "logit_bias");
  expect_refused(kCompletions, {{"logit_bias", {{"4096", 1}}}}, "logit_bias");
}

TEST_F(Limits, APromptThatDoesNotFitIsRefused) {
  const auto answer = completion({{"prompt", long_prompt(3000)}});
  expect_error(answer, 400, "maximum context length is 2048 tokens");
  EXPECT_EQ(answer.json()["error"]["code"], "context_length_exceeded");
  const auto exactly = std::vector<int>(2040, 77);
  EXPECT_EQ(completion({{"prompt", exactly}, {"max_tokens", 8}}).status, 200);
  expect_error(completion({{"prompt", exactly}, {"max_tokens", 9}}), 400, "maximum context length");
}

TEST_F(Limits, TooManyPromptsAreRefused) {
  EXPECT_EQ(completion({{"prompt", std::vector<std::string>(64, "a")}}).status, 200);
  expect_refused(kCompletions, {{"prompt", std::vector<std::string>(65, "a")}}, "prompt");
  expect_refused(kCompletions, {{"prompt", Json::array()}}, "prompt");
  expect_refused(kCompletions, {{"prompt", {4096}}}, "prompt");
  expect_refused(kCompletions, {{"prompt", {-1}}}, "prompt");
}

TEST_F(Limits, AnUnknownModelIsNotFound) {
  const auto answer = completion({{"model", "gpt-4"}});
  expect_error(answer, 404, "gpt-4");
  EXPECT_EQ(answer.json()["error"]["code"], "model_not_found");
  expect_error(api_.get("/v1/models/gpt-4"), 404, "gpt-4");
}

TEST_F(Limits, AnUnknownPathIsNotFoundAndAWrongMethodNotAllowed) {
  expect_error(api_.get("/v2/models"), 404, "/v2/models");
  const auto answer = api_.get(kCompletions);
  expect_error(answer, 405, "POST");
  EXPECT_THAT(answer.header("allow"), HasSubstr("POST"));
}

TEST_F(Limits, ABodyThatIsTooLargeIsRefused) {
  expect_error(api_.post_text(kCompletions, std::string((1 << 20) + 1, ' ')), 413, "1048576");
  expect_error(api_.post_text(kChat, std::string((8 << 20) + 1, ' ')), 413, "8388608");
}

TEST_F(Limits, AHeadThatIsTooLargeIsRefused) {
  expect_error(api_.get("/v1/models", {{"x-long", std::string(8192, 'a')}}), 431, "8192");
  expect_error(api_.get("/v1/models", std::vector<http::Header>(101, {"x-many", "a"})), 431, "100");
}

TEST_F(Limits, ABodyThatIsNotJsonIsRefused) {
  for (const std::string body : {"", "{", "[]", "nonsense", "{\"prompt\": \"a\"} x", "{\"prompt\": \"\xff\xfe\"}"}) {
    SCOPED_TRACE(body);
    expect_error(api_.post_text(kCompletions, body), 400, "");
  }
  expect_error(api_.post_text(kCompletions, R"({"prompt":"a","prompt":"b"})"), 400, "prompt");
}

TEST_F(Limits, ABodyThatIsNestedTooDeepIsRefused) {
  const std::string deep = "{\"prompt\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  expect_error(api_.post_text(kCompletions, deep), 400, "64");
}

TEST(ConfiguredLimits, OfTheApiHold) {
  const ServedProcess server({"--set", "api.max_n=2", "--set", "api.max_stop_strings=1", "--set",
                              "api.max_prompt_tokens=8", "--set", "api.max_completion_tokens=16", "--set",
                              "http.limits.body_bytes=2KiB"});
  const Api api(server.url());
  const auto asked = [&](const Json& more) {
    auto body = greedy("Once", 16);
    body.update(more);
    return api.post(kCompletions, body);
  };
  EXPECT_EQ(asked({{"n", 2}, {"stop", "x"}}).status, 200);
  expect_error(asked({{"n", 3}}), 400, "`n`");
  expect_error(asked({{"stop", {"x", "y"}}}), 400, "`stop`");
  expect_error(asked({{"prompt", long_prompt(20)}}), 400, "at most 8");
  expect_error(asked({{"max_tokens", 17}}), 400, "at most 16");
  expect_error(asked({{"user", std::string(2048, 'x')}}), 413, "2048");
}

TEST(ConfiguredLimits, OneConnectionMoreThanOneClientMayHaveIsRefused) {
  const ServedProcess server(
      {"--isa", "reference", "--kv-memory", "64MiB", "--set", "http.limits.connections_per_peer=2"});
  const Api api(server.url());
  const auto first = api.open(kCompletions, greedy("Once", 1500));
  const auto second = api.open(kCompletions, greedy("Twice", 1500));
  ASSERT_TRUE(first->next());
  ASSERT_TRUE(second->next());
  EXPECT_EQ(api.get("/livez").status, 503);
  second->leave();
  EXPECT_TRUE(comes_true([&] { return api.get("/livez").status == 200; }));
}

TEST(ConfiguredLimits, OneMoreThanMayWaitIsToldWhenToTryAgain) {
  const ServedProcess server(
      {"--isa", "reference", "--kv-memory", "64MiB", "--max-running", "1", "--max-waiting", "1"});
  const Api api(server.url());
  const auto running = api.open(kCompletions, greedy("Once", 1500));
  ASSERT_TRUE(running->next());
  const auto waiting = api.open(kCompletions, greedy("Twice", 2));
  ASSERT_TRUE(comes_true([&] {
    waiting->pump();
    return api.blocks().waiting == 1;
  }));
  const auto refused = api.post(kCompletions, greedy("Thrice", 2));
  expect_error(refused, 429, "max_waiting");
  EXPECT_EQ(refused.json()["error"]["type"], "rate_limit_error");
  EXPECT_GE(std::stoi(refused.header("retry-after")), 1);
  running->leave();
  EXPECT_EQ(waiting->rest().back(), "[DONE]") << "the one that waited gets its turn";
}

TEST(ConfiguredLimits, ARequestThatLivesTooLongIsCutWithAnError) {
  // On a slow host, or with a sanitizer, 200 ms may pass before the first token: then there is no stream to cut.
  for (const char* limit : {"200ms", "2s", "10s"}) {
    const ServedProcess server({"--isa", "reference", "--kv-memory", "64MiB", "--request-timeout", limit});
    const Api api(server.url());
    const auto streamed = api.stream(kCompletions, greedy("Once", 1500));
    EXPECT_FALSE(streamed.done);
    if (streamed.chunks == 0) continue;
    EXPECT_TRUE(streamed.error.is_object()) << "a stream that is cut ends with an error event";
    expect_error(api.post(kCompletions, greedy("Once", 1500)), 408, "");
    EXPECT_TRUE(comes_true([&] { return api.blocks().free == api.blocks().total; }));
    return;
  }
  ADD_FAILURE() << "no stream began within 10 s";
}

TEST(ConfiguredLimits, MoreThanTheMemoryCanEverHoldIsRefused) {
  const ServedProcess server({"--kv-memory", "1MiB"});
  const Api api(server.url());
  const auto fits = api.get("/v1/models").json()["data"][0]["max_model_len"].get<int>();
  EXPECT_LT(fits, 2048);
  auto body = greedy("", 8);
  body["prompt"] = std::vector<int>(static_cast<std::size_t>(fits) - 8, 77);
  EXPECT_EQ(api.post(kCompletions, body).status, 200);
  body["max_tokens"] = 9;
  expect_error(api.post(kCompletions, body), 400, std::to_string(fits));
}

}  // namespace
}  // namespace troupe::end_to_end
