// The gateway behind a real HTTP server on loopback, and calls without HTTP, in a real actor system.
#include "actors/gateway/gateway.hpp"

#include <atomic>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <caf/all.hpp>

#include "actors/gateway/ask.hpp"
#include "runtime/http/client.hpp"
#include "runtime/http/server.hpp"
#include "tests/unit/runtime/openai/byte_model.hpp"

namespace troupe {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

/// A completion that says "ok" and ends, or says "o" and waits to be cancelled.
class LiveWorker final : public exec::Actor<CancellableActor::base> {
 public:
  LiveWorker(caf::actor_config& config, std::shared_ptr<const RequestSpec> spec, RequesterActor requester, bool ends)
      : Actor(config), spec_(std::move(spec)), requester_(std::move(requester)), ends_(ends) {}

 protected:
  CancellableActor::behavior_type make_behavior() override {
    send(requester_, TokensGenerated{spec_->id, 0, {{'o', {}}}, "o"});
    if (ends_) {
      send(requester_, TokensGenerated{spec_->id, 1, {{'k', {}}}, "k"});
      end(FinishReason::kLength);
    }
    return {[this](const CancelCompletion&) { end(FinishReason::kCancelled); }};
  }

 private:
  void end(FinishReason reason) {
    send(requester_, RequestEnded{spec_->id, reason, {}, {}, static_cast<std::int32_t>(spec_->prompt.size()), 2});
    quit();
  }
  std::shared_ptr<const RequestSpec> spec_;
  RequesterActor requester_;
  bool ends_;
};

class World {
 public:
  explicit World(std::function<void(GatewayOptions&)> change = {}) {
    auto made = std::make_shared<GatewayOptions>();
    made->model = std::make_shared<const openai::ServedModel>(openai::byte_model());
    made->start_request = [this](std::shared_ptr<const RequestSpec> spec,
                                 RequesterActor requester) -> CancellableActor {
      const bool ends = spec->prompt != openai::bytes_of("wait");
      return system.spawn<LiveWorker>(std::move(spec), std::move(requester), ends);
    };
    made->next_request_id = [this] { return RequestId{++ids}; };
    made->unix_seconds = [] { return std::int64_t{1700000001}; };
    made->metrics_text = [] { return std::string("troupe_x 1\n"); };
    made->version = "1.2.3";
    made->extra_routes = {{{"GET", "/troupe/requests/{id}", http::Scope::kInspect, false, {}},
                           [](std::shared_ptr<http::Exchange> exchange) {
                             exchange->respond(200, "text/plain", exchange->request().parameter);
                           }}};
    made->observer.request_ended = [this](const CompletionOutcome& outcome) {
      if (outcome.reason == FinishReason::kCancelled) cancelled.set_value();
    };
    if (change) change(*made);
    options = std::move(made);
    gateway = system.spawn<Gateway>(options);
    http::ServerConfig server_config;
    server_config.routes = http_routes(*options);
    auto started =
        http::Server::start(std::move(server_config), [gateway = gateway](std::shared_ptr<http::Exchange> exchange) {
          caf::anon_send(gateway, HttpArrived{std::move(exchange)});
        });
    CHECK(started.ok(), started.ok() ? "" : started.error().message);
    server = std::move(*started);
  }
  ~World() {
    server.reset();
    caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
    gateway = nullptr;
  }

  http::Response get(const std::string& path) { return fetch("GET", path, {}); }
  http::Response post(const std::string& path, const std::string& body) { return fetch("POST", path, body); }

  std::atomic<std::uint64_t> ids{0};
  std::promise<void> cancelled;
  caf::actor_system_config config;
  caf::actor_system system{config};
  std::shared_ptr<const GatewayOptions> options;
  GatewayActor gateway;
  std::unique_ptr<http::Server> server;

 private:
  http::Response fetch(const std::string& method, const std::string& path, const std::string& body) {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:" + std::to_string(server->port()) + path;
    if (method == "POST") request.headers = {{"content-type", "application/json"}};
    request.body = body;
    auto response = http::fetch(std::move(request));
    CHECK(response.ok(), response.ok() ? "" : response.error().message);
    return std::move(*response);
  }
};

TEST(Gateway, answers_every_get_route) {
  World world;
  EXPECT_EQ(world.get("/livez").status, 200);
  EXPECT_EQ(world.get("/readyz").status, 200);
  EXPECT_EQ(world.get("/health").body, R"({"status":"ok"})");
  EXPECT_EQ(world.get("/version").body, R"({"version":"1.2.3"})");
  EXPECT_EQ(world.get("/metrics").body, "troupe_x 1\n");
  EXPECT_EQ(Json::parse(world.get("/v1/models").body)["data"][0]["id"], "bytes");
  EXPECT_EQ(Json::parse(world.get("/v1/models/test/bytes").body)["id"], "test/bytes");
  EXPECT_EQ(world.get("/v1/models/nope").status, 404);
  EXPECT_EQ(world.get("/troupe/requests/r7").body, "r7");
}

TEST(Gateway, answers_calls_whole_and_streamed) {
  World world;
  const auto whole = world.post("/v1/completions", R"({"prompt":"x"})");
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(Json::parse(whole.body)["choices"][0]["text"], "ok");
  const auto streamed =
      world.post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"x"}],"stream":true})");
  EXPECT_EQ(streamed.status, 200);
  EXPECT_THAT(streamed.body, HasSubstr(R"("delta":{"content":"k"})"));
  EXPECT_THAT(streamed.body, HasSubstr("data: [DONE]\n\n"));
}

TEST(Gateway, answers_tokenizer_calls) {
  World world;
  EXPECT_EQ(world.post("/tokenize", R"({"prompt":"hi"})").body,
            R"({"count":3,"max_model_len":256,"tokens":[256,104,105],"token_strs":null})");
  EXPECT_EQ(world.post("/detokenize", R"({"tokens":[104,105]})").body, R"({"prompt":"hi"})");
  EXPECT_EQ(world.post("/detokenize", "[]").status, 400);
}

TEST(Gateway, refuses_new_calls_while_draining_and_stays_alive) {
  World world;
  caf::anon_send(world.gateway, BeginDrain{});
  EXPECT_EQ(world.get("/readyz").status, 503);
  EXPECT_EQ(world.get("/health").status, 503);
  EXPECT_EQ(world.get("/livez").status, 200);
  const auto call = world.post("/v1/completions", R"({"prompt":"x"})");
  EXPECT_EQ(call.status, 503);
  ASSERT_NE(http::find_header(call.headers, "retry-after"), nullptr);
  EXPECT_EQ(world.post("/tokenize", R"({"prompt":"x"})").status, 503);
}

TEST(Gateway, ends_what_is_under_way_with_an_error_once_the_drain_is_over) {
  World world;
  std::thread client([&] {
    const auto cut = world.post("/v1/completions", R"({"prompt":"wait","add_special_tokens":false})");
    EXPECT_EQ(cut.status, 503);
    EXPECT_THAT(cut.body, HasSubstr("shutting down"));
  });
  while (world.ids == 0) std::this_thread::yield();
  caf::anon_send(world.gateway, BeginDrain{});
  caf::anon_send(world.gateway, CutCalls{});
  world.cancelled.get_future().wait();
  client.join();
}

TEST(Gateway, is_not_ready_where_no_machine_serves) {
  World world([](GatewayOptions& options) { options.ready = [] { return false; }; });
  EXPECT_EQ(world.get("/readyz").status, 503);
  EXPECT_EQ(world.post("/v1/completions", R"({"prompt":"x"})").status, 503);
}

TEST(Gateway, refuses_calls_past_their_bound_with_429) {
  World world([](GatewayOptions& options) { options.max_calls = 0; });
  const auto call = world.post("/v1/completions", R"({"prompt":"x"})");
  EXPECT_EQ(call.status, 429);
  ASSERT_NE(http::find_header(call.headers, "retry-after"), nullptr);
}

TEST(Gateway, cancels_the_completions_of_clients_that_the_server_cuts_off) {
  World world;
  std::thread client([&] {
    http::ClientRequest request;
    request.method = "POST";
    request.url = "http://127.0.0.1:" + std::to_string(world.server->port()) + "/v1/completions";
    request.headers = {{"content-type", "application/json"}};
    request.body = R"({"prompt":"wait","add_special_tokens":false})";
    EXPECT_FALSE(http::fetch(std::move(request)).ok());
  });
  while (world.ids == 0) std::this_thread::yield();
  world.server.reset();
  world.cancelled.get_future().wait();
  client.join();
}

TEST(Ask, gives_the_text_as_it_comes_and_says_how_it_ended) {
  World world;
  std::string text;
  const auto outcome = ask(
      world.system, world.options, R"({"messages":[{"role":"user","content":"x"}]})",
      [&](std::string_view piece) { text += piece; }, [] { return false; });
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(text, "ok");
  EXPECT_EQ(outcome->finish_reason, "length");
  EXPECT_EQ(outcome->generated_tokens, 2);
  EXPECT_EQ(outcome->prompt_tokens, 20);
}

TEST(Ask, refuses_a_bad_body_in_words) {
  World world;
  const auto outcome = ask(world.system, world.options, R"({"prompt":"x","n":0})", [](std::string_view) {}, {});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidInput);
  EXPECT_THAT(outcome.error().message, HasSubstr("`n`"));
}

TEST(Ask, stops_the_work_when_it_is_cancelled) {
  World world;
  std::atomic<bool> seen{false};
  const auto outcome = ask(
      world.system, world.options, R"({"prompt":"wait","add_special_tokens":false})",
      [&](std::string_view) { seen = true; }, [&] { return seen.load(); });
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(outcome->finish_reason, "abort");
  EXPECT_EQ(outcome->generated_tokens, 1);
  world.cancelled.get_future().wait();
}

}  // namespace
}  // namespace troupe
