// A call without HTTP: for `troupe run`, which answers in the terminal of its own process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "actors/gateway/call.hpp"

namespace troupe {

/// How an asked call ended and what it cost.
struct AskOutcome {
  std::string finish_reason;  ///< "stop", "length", "abort"
  std::int32_t prompt_tokens = 0;
  std::int32_t generated_tokens = 0;
  std::chrono::nanoseconds to_first_token{};  ///< zero where no token came
  std::chrono::nanoseconds total{};
};

/// Runs one call and returns when it has ended. `body` is that of a completion call where it has a "prompt", else of a
/// chat's; of several answers the first is shown. `on_text` gets the text as it comes, on a thread of the actor
/// system's. `cancelled` is asked on the calling thread, many times a second; once it says yes the work stops and the
/// outcome is "abort". Must not be called by an actor: it blocks.
Result<AskOutcome> ask(caf::actor_system& system, std::shared_ptr<const GatewayOptions> options, std::string body,
                       std::function<void(std::string_view)> on_text, const std::function<bool()>& cancelled);

}  // namespace troupe
