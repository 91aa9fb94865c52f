// A completions backend for tests, which answers only what it is told to, and a client that keeps what it was sent.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/gateway/call.hpp"
#include "actors/gateway/http_reply.hpp"
#include "tests/unit/runtime/openai/byte_model.hpp"

namespace troupe {

/// The actor behind every completion of a test: notes who was cancelled.
class ScriptedWorker final : public exec::Actor<CancellableActor::base> {
 public:
  ScriptedWorker(caf::actor_config& config, std::shared_ptr<std::vector<RequestId>> cancelled)
      : Actor(config), cancelled_(std::move(cancelled)) {}

 protected:
  CancellableActor::behavior_type make_behavior() override {
    return {[this](const CancelCompletion& cancel) { cancelled_->push_back(cancel.request); }};
  }

 private:
  std::shared_ptr<std::vector<RequestId>> cancelled_;
};

/// What a client saw. Outlives the responder that writes it.
struct ClientView {
  int status = 0;
  std::string body;
  std::vector<http::Header> headers;
  std::string stream;
  bool began = false;
  bool ended = false;
  bool aborted = false;
  bool dropped = false;  ///< the responder is gone
  std::function<void()> gone;
};

class FakeResponder final : public Responder {
 public:
  explicit FakeResponder(std::shared_ptr<ClientView> view) : view_(std::move(view)) {}
  ~FakeResponder() override { view_->dropped = true; }
  void respond(int status, std::string_view, std::string body, std::vector<http::Header> headers) override {
    CHECK(view_->status == 0 && !view_->began, "answered twice");
    view_->status = status;
    view_->body = std::move(body);
    view_->headers = std::move(headers);
    view_->gone = nullptr;
  }
  void begin_stream(std::vector<http::Header>) override {
    CHECK(view_->status == 0 && !view_->began, "answered twice");
    view_->began = true;
  }
  void send(std::string events) override {
    CHECK(view_->began && !view_->ended && !view_->aborted, events);
    view_->stream += events;
  }
  void end_stream() override { view_->ended = true, view_->gone = nullptr; }
  void abort_stream() override { view_->aborted = true, view_->gone = nullptr; }
  void on_disconnect(std::function<void()> gone) override { view_->gone = std::move(gone); }

 private:
  std::shared_ptr<ClientView> view_;
};

struct Started {
  std::shared_ptr<const RequestSpec> spec;
  RequesterActor requester;
};

/// One deterministic actor system with a scripted backend.
class CallWorld {
 public:
  CallWorld() : config_(test_config()), system_(*config_) {
    cancelled = std::make_shared<std::vector<RequestId>>();
    worker = system_.spawn<ScriptedWorker>(cancelled);
    options = std::make_shared<GatewayOptions>();
    options->model = std::make_shared<const openai::ServedModel>(openai::byte_model());
    options->start_request = [this](std::shared_ptr<const RequestSpec> spec, RequesterActor requester) {
      started.push_back({std::move(spec), std::move(requester)});
      return worker;
    };
    options->next_request_id = [this] { return RequestId{++last_id_}; };
    options->draw_seed = [this] { return std::uint64_t{1000} + last_id_; };
    options->unix_seconds = [] { return std::int64_t{1700000001}; };
    run();
  }
  ~CallWorld() {
    for (auto& one : started) one.requester = nullptr;
    if (worker) caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);
    worker = nullptr;
    run();
  }

  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }
  void run() { scheduler().run(); }
  caf::actor_system& system() { return system_; }

  std::shared_ptr<ClientView> call(CallBody kind, const std::string& body) {
    auto view = std::make_shared<ClientView>();
    spawn_call(system_, options, {kind, body, "req-1"},
               std::make_unique<HttpReply>(std::make_unique<FakeResponder>(view)));
    run();
    return view;
  }
  /// Tokens of ASCII text, one for each character, from number `first` on.
  void generate(std::size_t completion, const std::string& text, std::int32_t first = 0) {
    TokensGenerated news{started.at(completion).spec->id, first, {}, text};
    for (const auto id : openai::bytes_of(text)) news.tokens.push_back({id, {}});
    tell(completion, std::move(news));
  }
  void end(std::size_t completion, FinishReason reason, std::optional<Error> error = {},
           std::variant<std::monostate, std::string, TokenId> stop_reason = {}) {
    tell(completion,
         RequestEnded{started.at(completion).spec->id, reason, std::move(stop_reason), std::move(error), 0, 0});
  }
  template <class Message>
  void tell(std::size_t completion, Message message) {
    caf::anon_send(started.at(completion).requester, std::move(message));
    run();
  }

  std::shared_ptr<GatewayOptions> options;
  std::vector<Started> started;
  std::shared_ptr<std::vector<RequestId>> cancelled;
  CancellableActor worker;

 private:
  static std::unique_ptr<caf::actor_system_config> test_config() {
    auto config = std::make_unique<caf::actor_system_config>();
    config->set("scheduler.policy", caf::atom("testing"));
    return config;
  }
  std::unique_ptr<caf::actor_system_config> config_;
  caf::actor_system system_;
  std::uint64_t last_id_ = 0;
};

}  // namespace troupe
