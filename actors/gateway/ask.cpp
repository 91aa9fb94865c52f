#include "actors/gateway/ask.hpp"

#include <future>
#include <mutex>
#include <utility>

#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>

namespace troupe {
namespace {

/// What the call's thread and the asking thread share.
class Shared {
 public:
  std::future<Result<AskOutcome>> outcome() { return promise_.get_future(); }
  void end(Result<AskOutcome> outcome) {
    const std::lock_guard lock(mutex_);
    gone_ = nullptr;
    if (!std::exchange(ended_, true)) promise_.set_value(std::move(outcome));
  }
  void on_gone(std::function<void()> gone) {
    const std::lock_guard lock(mutex_);
    gone_ = std::move(gone);
  }
  void give_up() {
    const std::lock_guard lock(mutex_);
    if (gone_) gone_();
  }

 private:
  std::mutex mutex_;
  std::promise<Result<AskOutcome>> promise_;
  std::function<void()> gone_;
  bool ended_ = false;
};

class TextReply final : public CallReply {
 public:
  TextReply(caf::actor_clock& clock, std::shared_ptr<Shared> shared, std::function<void(std::string_view)> on_text)
      : clock_(clock), shared_(std::move(shared)), on_text_(std::move(on_text)), began_(clock.now()) {}
  /// Let go of before the end: the call was cancelled.
  ~TextReply() override { conclude("abort"); }

  void on_gone(std::function<void()> gone) override { shared_->on_gone(std::move(gone)); }
  void accepted(std::shared_ptr<const openai::AnswerContext> context) override {
    outcome_.prompt_tokens = context->prompt_tokens();
  }
  void prompt_scored(std::size_t, std::vector<kernels::Sampled>) override {}
  void piece(std::size_t choice, openai::AnswerPiece piece) override {
    if (choice != 0) return;
    if (outcome_.generated_tokens == 0 && !piece.tokens.empty()) outcome_.to_first_token = clock_.now() - began_;
    outcome_.generated_tokens += static_cast<std::int32_t>(piece.tokens.size());
    if (!piece.text.empty()) on_text_(piece.text);
  }
  void end(std::size_t, const openai::ChoiceEnd& end) override { reason_ = end.finish_reason; }
  void finish() override { conclude(reason_); }
  void fail(const openai::ApiError& error) override { shared_->end(error_of(error)); }

 private:
  void conclude(std::string reason) {
    outcome_.finish_reason = std::move(reason);
    outcome_.total = clock_.now() - began_;
    shared_->end(outcome_);
  }
  static Error error_of(const openai::ApiError& error) {
    switch (error.status) {
      case 404:
        return {ErrorCode::kMissingInput, error.message};
      case 408:
        return {ErrorCode::kDeadline, error.message};
      case 429:
        return {ErrorCode::kOverloaded, error.message};
      case 503:
        return {ErrorCode::kUnavailable, error.message};
      default:
        return {error.status >= 500 ? ErrorCode::kInternal : ErrorCode::kInvalidInput, error.message};
    }
  }

  caf::actor_clock& clock_;
  std::shared_ptr<Shared> shared_;
  std::function<void(std::string_view)> on_text_;
  TimePoint began_;
  AskOutcome outcome_;
  std::string reason_;
};

}  // namespace

Result<AskOutcome> ask(caf::actor_system& system, std::shared_ptr<const GatewayOptions> options, std::string body,
                       std::function<void(std::string_view)> on_text, const std::function<bool()>& cancelled) {
  auto shared = std::make_shared<Shared>();
  auto outcome = shared->outcome();
  spawn_call(system, std::move(options), {CallBody::kEither, std::move(body), "ask"},
             std::make_unique<TextReply>(system.clock(), shared, std::move(on_text)));
  bool gave_up = false;
  while (outcome.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready)
    if (!gave_up && cancelled && (gave_up = cancelled())) shared->give_up();
  return outcome.get();
}

}  // namespace troupe
