// The load generator against a server that plays a model.
#include "tools/troupe/bench_load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "runtime/http/server.hpp"
#include "tools/troupe/bench.hpp"
#include "tools/troupe/exit_codes.hpp"

namespace troupe {
namespace {

using testing::HasSubstr;

/// Answers each completion by a script; counts how many are under way.
class FakeModel {
 public:
  using Script = std::function<void(http::Exchange&, const nlohmann::json& body)>;

  explicit FakeModel(Script script) : script_(std::move(script)) {
    http::ServerConfig config;
    config.routes = {{"GET", "/v1/models", http::Scope::kInfer},
                     {"POST", "/v1/completions", http::Scope::kInfer, true},
                     {"POST", "/v1/chat/completions", http::Scope::kInfer, true}};
    auto started = http::Server::start(std::move(config), [this](std::shared_ptr<http::Exchange> exchange) {
      if (exchange->request().path == "/v1/models") {
        exchange->respond(200, "application/json", R"({"object":"list","data":[{"id":"fake"}]})");
        return;
      }
      ++requests;
      script_(*exchange, nlohmann::json::parse(exchange->request().body));
    });
    EXPECT_TRUE(started.ok());
    server_ = std::move(started).value();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

  std::atomic<int> requests{0};

 private:
  Script script_;
  std::unique_ptr<http::Server> server_;
};

void stream(http::Exchange& exchange, const nlohmann::json& body, bool complete = true) {
  exchange.begin_stream(200, "text/event-stream");
  const int tokens =
      body.contains("max_tokens") ? body["max_tokens"].get<int>() : body["max_completion_tokens"].get<int>();
  for (int i = 0; i < tokens; ++i)
    exchange.send(R"(data: {"choices":[{"text":"x"}]})"
                  "\n\n");
  const auto prompt = body.contains("prompt") ? body["prompt"].size() : 7;
  exchange.send(R"(data: {"choices":[],"usage":{"prompt_tokens":)" + std::to_string(prompt) +
                R"(,"completion_tokens":)" + std::to_string(tokens) + "}}\n\n");
  if (complete) exchange.send("data: [DONE]\n\n");
  exchange.end_stream();
}

LoadPlan plan_for(const FakeModel& model, std::size_t requests) {
  LoadPlan plan;
  plan.requests.assign(requests, TraceRequest{0, 5, 3, {}});
  plan.shape.model = "fake";
  plan.call.url = model.url() + "/v1/completions";
  plan.call.headers = {{"Content-Type", "application/json"}};
  return plan;
}

BenchOptions options_for(const FakeModel& model) {
  BenchOptions options;
  options.url = model.url() + "/v1/";
  options.num_prompts = 4;
  options.input_len = 5;
  options.output_len = 3;
  return options;
}

TEST(RunLoad, MeasuresEveryRequestOfThePlan) {
  FakeModel model([](http::Exchange& exchange, const nlohmann::json& body) { stream(exchange, body); });
  const auto result = run_load(plan_for(model, 20));
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->samples.size(), 20u);
  for (const auto& sample : result->samples) {
    EXPECT_TRUE(sample.ok) << sample.error;
    EXPECT_EQ(sample.input_tokens, 5u);
    EXPECT_EQ(sample.output_tokens, 3u);
    EXPECT_EQ(sample.gaps.size(), 2u);
    EXPECT_GT(sample.ttft, 0);
    EXPECT_GE(sample.latency, sample.ttft);
    EXPECT_LE(sample.start + sample.latency, result->duration);
  }
}

TEST(RunLoad, KeepsToItsConcurrency) {
  // Answers are held until as many requests wait as may be under way; one more would show here.
  std::mutex mutex;
  std::vector<std::shared_ptr<http::Exchange>> waiting;
  http::ServerConfig config;
  config.routes = {{"POST", "/v1/completions", http::Scope::kInfer, true}};
  std::size_t most = 0;
  auto server = http::Server::start(std::move(config), [&](std::shared_ptr<http::Exchange> exchange) {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(exchange));
    most = std::max(most, waiting.size());
    if (waiting.size() < 3) return;
    for (auto& held : waiting) stream(*held, nlohmann::json::parse(held->request().body));
    waiting.clear();
  });
  ASSERT_TRUE(server.ok());
  LoadPlan plan;
  plan.requests.assign(12, TraceRequest{0, 5, 3, {}});
  plan.call.url = "http://127.0.0.1:" + std::to_string((*server)->port()) + "/v1/completions";
  plan.call.headers = {{"Content-Type", "application/json"}};
  plan.max_concurrency = 3;
  const auto result = run_load(plan);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(most, 3u);
  EXPECT_EQ(summarise(result->samples, result->duration, {}, {}).completed, 12u);
  EXPECT_EQ(summarise(result->samples, result->duration, {}, {}).peak_concurrency, 3u);
}

TEST(RunLoad, SendsNothingBeforeItsTime) {
  FakeModel model([](http::Exchange& exchange, const nlohmann::json& body) { stream(exchange, body); });
  auto plan = plan_for(model, 3);
  plan.requests[1].at = 0.02;
  plan.requests[2].at = 0.05;
  const auto result = run_load(plan);
  ASSERT_TRUE(result.ok());
  for (std::size_t i = 0; i < 3; ++i) EXPECT_GE(result->samples[i].start, plan.requests[i].at);
}

TEST(RunLoad, TellsEachWayThatARequestFails) {
  int turn = 0;
  FakeModel model([&](http::Exchange& exchange, const nlohmann::json& body) {
    switch (turn++) {
      case 0:
        exchange.respond_error(429, "queue full");
        break;
      case 1:
        stream(exchange, body, false);
        break;
      case 2:
        exchange.begin_stream(200, "text/event-stream");
        exchange.send("data: {\"error\":{\"message\":\"machine lost\"}}\n\ndata: [DONE]\n\n");
        exchange.end_stream();
        break;
      case 3:
        exchange.begin_stream(200, "text/event-stream");
        exchange.abort_stream();
        break;
      default:
        stream(exchange, body);
    }
  });
  auto plan = plan_for(model, 5);
  plan.max_concurrency = 1;
  const auto result = run_load(plan);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->samples.size(), 5u);
  EXPECT_EQ(result->samples[0].error, "HTTP 429: queue full");
  EXPECT_EQ(result->samples[1].error, "the stream ended without [DONE]");
  EXPECT_EQ(result->samples[2].error, "machine lost");
  EXPECT_THAT(result->samples[3].error, HasSubstr("in the middle of the answer"));
  EXPECT_TRUE(result->samples[4].ok);
}

TEST(RunLoad, ReportsItsProgressToTheEnd) {
  FakeModel model([](http::Exchange& exchange, const nlohmann::json& body) { stream(exchange, body); });
  auto plan = plan_for(model, 4);
  LoadProgress last;
  plan.progress = [&](const LoadProgress& progress) { last = progress; };
  ASSERT_TRUE(run_load(plan).ok());
  EXPECT_EQ(last.finished, 4u);
  EXPECT_EQ(last.total, 4u);
  EXPECT_EQ(last.pieces, 12u);
}

TEST(RunBench, PrintsTheBlockAfterAWarmUp) {
  FakeModel model([](http::Exchange& exchange, const nlohmann::json& body) {
    EXPECT_EQ(body["model"], "fake") << "the first model that the server lists";
    stream(exchange, body);
  });
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_bench(options_for(model)), kExitOk);
  const auto out = testing::internal::GetCapturedStdout();
  EXPECT_THAT(out, HasSubstr("Successful requests:                     4         \n"));
  EXPECT_THAT(out, HasSubstr("Total input tokens:                      20        \n"));
  EXPECT_THAT(out, HasSubstr("Total generated tokens:                  12        \n"));
  EXPECT_EQ(model.requests, 5);
}

TEST(RunBench, WritesJsonForAChat) {
  FakeModel model([](http::Exchange& exchange, const nlohmann::json& body) { stream(exchange, body); });
  auto options = options_for(model);
  options.endpoint = BenchEndpoint::kChat;
  options.json = true;
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_bench(options), kExitOk);
  const auto out = nlohmann::json::parse(testing::internal::GetCapturedStdout());
  EXPECT_EQ(out["completed"], 4);
  EXPECT_EQ(out["endpoint_type"], "openai-chat");
  EXPECT_EQ(out["total_input_tokens"], 28) << "the server's count, not the words sent";
}

TEST(RunBench, EndsEarlyWhereTheServerRefusesTheFirstRequest) {
  FakeModel model(
      [](http::Exchange& exchange, const nlohmann::json&) { exchange.respond_error(400, "prompt too long"); });
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_bench(options_for(model)), kExitUnavailable);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("HTTP 400: prompt too long"));
  EXPECT_EQ(model.requests, 1);
}

TEST(RunBench, SaysByItsExitCodeWhatWasWrong) {
  std::string dead_url;
  {
    FakeModel gone([](http::Exchange&, const nlohmann::json&) {});
    dead_url = gone.url();
  }
  testing::internal::CaptureStderr();
  BenchOptions dead;
  dead.url = dead_url;
  EXPECT_EQ(run_bench(dead), kExitUnavailable);
  BenchOptions missing;
  missing.trace = "/nowhere/trace.csv";
  EXPECT_EQ(run_bench(missing), kExitNoInput);
  BenchOptions malformed;
  malformed.url = "localhost:8000";
  EXPECT_EQ(run_bench(malformed), kExitUsage);
  BenchOptions bound;
  bound.goodput = {"ttft:-1"};
  EXPECT_EQ(run_bench(bound), kExitUsage);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("/nowhere/trace.csv"));
}

}  // namespace
}  // namespace troupe
