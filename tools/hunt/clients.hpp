// The client's side of requests under a virtual clock: prompts of letters, a requester that writes down what it hears,
// and the answer that must come of it.
//
// Promises: expected() knows nothing of actors, machines or KV; it is what a device computes that sees the whole
// sequence at once, so that whatever actors did on the way shows as a difference.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/request/request.hpp"
#include "runtime/exec/actor.hpp"
#include "runtime/model/tokenizer/tokenizer.hpp"

namespace troupe::hunt {

inline constexpr std::int32_t kLetters = 26;

/// 'a' to 'z' are tokens 0 to 25.
std::shared_ptr<const model::Tokenizer> letters();

/// A prompt of `length` letters that depend on `salt`.
std::vector<TokenId> prompt_of(std::int32_t length, std::uint64_t salt);

/// What the request must get: the hash of its prompt and its own tokens, whatever happened on the way. Stop strings and
/// stop tokens are not looked at.
std::vector<TokenId> expected(const RequestSpec& spec);

/// What came of a request, as its requester saw it.
struct Answer {
  std::vector<TokenId> tokens;
  std::string text;
  std::vector<RequestEnded> ends;
  std::vector<TimePoint> ended_at;  ///< one for each end
  std::vector<PromptTimes> prompt_times;
  bool contiguous = true;
  std::int32_t after_end = 0;  ///< tokens that came after an end
};

/// Writes down what it hears.
class Requester final : public exec::Actor<RequesterActor::base> {
 public:
  Requester(caf::actor_config& config, std::shared_ptr<Answer> answer) : Actor(config), answer_(std::move(answer)) {}
  const char* name() const override { return "requester"; }
  RequesterActor::behavior_type make_behavior() override;

 private:
  std::shared_ptr<Answer> answer_;
};

/// A request under way.
struct Submitted {
  std::shared_ptr<const RequestSpec> spec;
  RequestActor actor;
  RequesterActor requester;
  std::shared_ptr<Answer> answer = std::make_shared<Answer>();
  std::shared_ptr<bool> gone = std::make_shared<bool>(false);  ///< the request's actor has ended

  bool ended() const { return !answer->ends.empty(); }
  const RequestEnded& end() const { return answer->ends.at(0); }
};

}  // namespace troupe::hunt
