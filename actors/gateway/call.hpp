// One completion or chat call, from its body to the end of its answer.
// Owns: the parsed call, its completions, and the reply. Promises: one well-formed ending for whoever waits; when
// nobody waits any more, or one completion fails, all are cancelled; it stays until each has said that it ended.
// Parsing, templates and tokenizing run here, in the actor system's threads.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/gateway/call_reply.hpp"
#include "actors/gateway/gateway_options.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

/// To itself: do what you were made for.
struct BeginCall {};
/// Notice: nobody waits for the answer any more.
struct ClientGone {};
/// Command: end with an error now; the server goes away.
struct CutCall {};
/// To itself: the actor behind this completion has gone; comes behind what that actor said last.
struct CompletionGone {
  RequestId request;
};

using CallActor = RequesterActor::extend<caf::reacts_to<BeginCall>, caf::reacts_to<ClientGone>, caf::reacts_to<CutCall>,
                                         caf::reacts_to<CompletionGone>>;

/// What a call's body is to be read as. kEither: a completion where it has a "prompt", else a chat.
enum class CallBody { kCompletion, kChat, kEither };

struct CallInput {
  CallBody kind = CallBody::kChat;
  std::string body;
  std::string name;  ///< the client's x-request-id, or one of ours; the answer's id ends in it
};

class Call final : public exec::Actor<CallActor::base> {
 public:
  Call(caf::actor_config& config, std::shared_ptr<const GatewayOptions> options, CallInput input,
       std::unique_ptr<CallReply> reply);
  const char* name() const override { return "call"; }
  void on_exit() override;

 protected:
  CallActor::behavior_type make_behavior() override;

 private:
  struct Completion {
    RequestId request;
    CancellableActor worker;
    std::int32_t prompt_tokens = 0;
    std::int32_t tokens = 0;
    TimePoint last_tokens;
    std::optional<std::chrono::nanoseconds> to_first_token;
    std::optional<PromptTimes> prompt_times;
    bool ended = false;
  };

  void begin();
  openai::Outcome<std::shared_ptr<const openai::AnswerContext>> read();
  void start(const openai::AnswerContext& context, std::size_t choice, std::uint64_t seed);
  void on(TokensGenerated& news);
  void on(RequestEnded& ended);
  void note_end(Completion& completion, FinishReason reason);
  void note_tokens(Completion& completion, std::int32_t tokens);
  /// Tells the other side, unless it has left, and gives all completions up.
  void fail(const openai::ApiError& error);
  void cancel_all();
  void quit_when_done();
  /// The place of a completion that has not ended; none for one that is not ours.
  std::optional<std::size_t> running(RequestId request) const;

  std::shared_ptr<const GatewayOptions> options_;
  CallInput input_;
  std::unique_ptr<CallReply> reply_;  // none once the call has nothing more to say
  TimePoint arrived_;
  std::vector<Completion> completions_;  // by choice
  std::unordered_map<RequestId, std::size_t> choice_of_;
  std::size_t ended_ = 0;
};

/// Spawns a call and sets it going.
CallActor spawn_call(caf::actor_system& system, std::shared_ptr<const GatewayOptions> options, CallInput input,
                     std::unique_ptr<CallReply> reply);

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BeginCall)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ClientGone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CutCall)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CompletionGone)
