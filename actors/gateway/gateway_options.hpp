// What a gateway needs from the node around it: all by value or as functions, so that a test hands in its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/messages/request.hpp"
#include "runtime/base/random.hpp"
#include "runtime/http/exchange.hpp"
#include "runtime/http/routes.hpp"
#include "runtime/openai/served_model.hpp"

namespace troupe {

/// How one completion went, for metrics.
struct CompletionOutcome {
  std::string name;  ///< the call's: x-request-id
  FinishReason reason = FinishReason::kError;
  std::int32_t prompt_tokens = 0;
  std::int32_t generated_tokens = 0;
  std::chrono::nanoseconds total{};                        ///< from the call's arrival to the completion's end
  std::optional<std::chrono::nanoseconds> to_first_token;  ///< none where no token came
  std::optional<std::chrono::nanoseconds> queued;          ///< from the call's arrival to its prompt's first step
  std::chrono::nanoseconds prompt_computing{};             ///< the device's time for the steps of its prompt
};

/// Told what happens to completions; each function may be empty. Called on the actor system's threads, several at once.
struct CallObserver {
  std::function<void(std::int32_t prompt_tokens)> request_started;
  std::function<void(std::chrono::nanoseconds since_arrival)> first_token;
  /// Between two messages with tokens; `tokens` came with the later.
  std::function<void(std::chrono::nanoseconds gap, std::int32_t tokens)> token_gap;
  std::function<void(const CompletionOutcome&)> request_ended;
};

/// A route of the node's own. `handler` runs inside the gateway actor: it answers at once, or hands the exchange on.
struct ExtraRoute {
  http::Route route;
  http::Handler handler;
};

/// Every function may be called from several of the actor system's threads at once.
struct GatewayOptions {
  std::shared_ptr<const openai::ServedModel> model;
  openai::ApiLimits limits;
  /// Starts a completion. The requester hears RequestEnded exactly once, whatever comes; should the returned actor end
  /// without saying so, the call fails with a 500.
  std::function<CancellableActor(std::shared_ptr<const RequestSpec>, RequesterActor)> start_request;
  /// An id that the cluster has not seen.
  std::function<RequestId()> next_request_id;
  std::function<std::uint64_t()> draw_seed = entropy64;  ///< for calls without a seed
  std::function<std::int64_t()> unix_seconds;  ///< for `created`, and for the date that a chat template may show
  std::function<bool()> ready;                 ///< whether machines serve; none: yes
  std::function<std::string()> metrics_text;   ///< Prometheus text; none: the route is left out
  std::string version = "0.1.0";
  std::vector<ExtraRoute> extra_routes;
  CallObserver observer;
  std::chrono::milliseconds request_timeout{600'000};  ///< from a call's arrival; then kDeadline
  std::size_t max_calls = 1024;                        ///< completion and tokenizer calls at once; past it 429
  /// Bodies from this size on are read and tokenized on a thread of their own, so that short messages need not wait.
  std::size_t own_thread_from_bytes = std::numeric_limits<std::size_t>::max();
  int retry_after_s = 1;  ///< told to clients that are to come back
  /// Called inside the gateway actor once after calls have ended and none was under way for `idle_after`: the moment
  /// for work that would slow calls down. May be empty.
  std::function<void()> on_idle;
  std::chrono::milliseconds idle_after{1000};
};

}  // namespace troupe
