#include "actors/gateway/call.hpp"

#include <algorithm>
#include <utility>

#include <caf/send.hpp>

namespace troupe {
namespace {

openai::Outcome<openai::Call> parse(const CallInput& input, const GatewayOptions& options) {
  switch (input.kind) {
    case CallBody::kCompletion:
      return openai::parse_completion_call(input.body, *options.model, options.limits);
    case CallBody::kChat:
      return openai::parse_chat_call(input.body, *options.model, options.limits);
    case CallBody::kEither:
      break;
  }
  return openai::parse_either_call(input.body, *options.model, options.limits);
}

}  // namespace

Call::Call(caf::actor_config& config, std::shared_ptr<const GatewayOptions> options, CallInput input,
           std::unique_ptr<CallReply> reply)
    : Actor(config), options_(std::move(options)), input_(std::move(input)), reply_(std::move(reply)) {}

CallActor spawn_call(caf::actor_system& system, std::shared_ptr<const GatewayOptions> options, CallInput input,
                     std::unique_ptr<CallReply> reply) {
  const bool own_thread = input.body.size() >= options->own_thread_from_bytes;
  const CallActor call = own_thread
                             ? system.spawn<Call, caf::detached>(std::move(options), std::move(input), std::move(reply))
                             : system.spawn<Call>(std::move(options), std::move(input), std::move(reply));
  caf::anon_send(call, BeginCall{});
  return call;
}

// The reply's disconnect callback holds this actor, and this actor the reply; likewise the workers.
void Call::on_exit() {
  reply_.reset();
  completions_.clear();
}

CallActor::behavior_type Call::make_behavior() {
  arrived_ = now();
  set_down_handler([this](const caf::down_msg& down) {
    for (const auto& completion : completions_)
      if (!completion.ended && completion.worker.address() == down.source)
        send(CallActor{this}, CompletionGone{completion.request});
  });
  return {
      [this](TokensGenerated& news) { on(news); },
      [this](PromptScored& scored) {
        const auto choice = running(scored.request);
        if (choice && reply_) reply_->prompt_scored(*choice, std::move(scored.tokens));
      },
      [this](RequestEnded& ended) { on(ended); },
      [this](const BeginCall&) { begin(); },
      [this](const ClientGone&) {
        reply_.reset();
        cancel_all();
        quit_when_done();
      },
      [this](const CutCall&) {
        const Error cut{ErrorCode::kUnavailable,
                        "This server is shutting down and cut this answer before it was complete; ask again."};
        fail(openai::from_error(cut, options_->retry_after_s));
        quit_when_done();
      },
      [this](const CompletionGone& gone) {
        const auto choice = running(gone.request);
        if (!choice) return;
        note_end(completions_[*choice], FinishReason::kError);
        fail({500, "The request's actor ended without an answer. This is a bug of the server.", {}, {}, {}});
        quit_when_done();
      },
  };
}

void Call::begin() {
  if (!reply_) return;
  reply_->on_gone([call = CallActor{this}] { caf::anon_send(call, ClientGone{}); });
  auto read_call = read();
  if (!read_call.ok()) {
    fail(read_call.error());
    quit_when_done();
    return;
  }
  const auto& context = **read_call;
  reply_->accepted(*read_call);
  completions_.reserve(context.choices());
  const auto n = static_cast<std::size_t>(context.call.generation.n);
  std::uint64_t seed = 0;
  for (std::size_t choice = 0; choice < context.choices(); ++choice) {
    // A seed of the client's is the same for each prompt, so that a prompt's answer does not depend on those beside it.
    if (choice % n == 0) seed = context.call.generation.seed ? *context.call.generation.seed : options_->draw_seed();
    start(context, choice, seed);
  }
}

openai::Outcome<std::shared_ptr<const openai::AnswerContext>> Call::read() {
  auto call = parse(input_, *options_);
  input_.body = {};
  if (!call.ok()) return call.error();
  const auto unix_seconds = options_->unix_seconds();
  auto prompts = openai::make_prompts(*call, *options_->model, options_->limits, unix_seconds);
  if (!prompts.ok()) return prompts.error();
  auto context = std::make_shared<openai::AnswerContext>();
  context->id = (call->kind == openai::CallKind::kChat ? "chatcmpl-" : "cmpl-") + input_.name;
  context->created_unix_s = unix_seconds;
  context->model = options_->model;
  context->call = std::move(*call);
  context->call.prompts.clear();
  context->prompts = std::move(*prompts);
  return std::shared_ptr<const openai::AnswerContext>(std::move(context));
}

void Call::start(const openai::AnswerContext& context, std::size_t choice, std::uint64_t seed) {
  const auto& wanted = context.call.generation;
  const auto& prompt = context.prompt_of(choice);
  auto spec = std::make_shared<RequestSpec>();
  spec->id = options_->next_request_id();
  spec->name = context.choices() == 1 ? input_.name : input_.name + "-" + std::to_string(choice);
  spec->prompt = prompt.tokens;
  spec->sampling = openai::sampling_spec(wanted, *options_->model, seed, choice % static_cast<std::size_t>(wanted.n));
  spec->max_tokens = prompt.max_tokens;
  spec->stop = wanted.stop;
  spec->include_stop = wanted.include_stop;
  spec->skip_special_tokens = wanted.skip_special_tokens;
  spec->deadline = arrived_ + options_->request_timeout;
  const auto request = spec->id;
  const auto prompt_tokens = static_cast<std::int32_t>(prompt.tokens.size());
  CHECK(choice_of_.emplace(request, choice).second, "a request id was given out twice:", request);
  if (options_->observer.request_started) options_->observer.request_started(prompt_tokens);
  auto worker = options_->start_request(std::move(spec), RequesterActor{CallActor{this}});
  monitor(worker);
  Completion completion;
  completion.request = request;
  completion.worker = std::move(worker);
  completion.prompt_tokens = prompt_tokens;
  completions_.push_back(std::move(completion));
}

std::optional<std::size_t> Call::running(RequestId request) const {
  const auto found = choice_of_.find(request);
  if (found == choice_of_.end() || completions_[found->second].ended) return std::nullopt;
  return found->second;
}

void Call::on(TokensGenerated& news) {
  const auto choice = running(news.request);
  if (!choice) return;
  if (news.prompt_times) completions_[*choice].prompt_times = news.prompt_times;
  note_tokens(completions_[*choice], static_cast<std::int32_t>(news.tokens.size()));
  if (!reply_) return;
  openai::AnswerPiece piece;
  piece.text = std::move(news.text);
  piece.tokens.reserve(news.tokens.size());
  for (auto& token : news.tokens) piece.tokens.push_back({token.token, std::move(token.logprobs)});
  reply_->piece(*choice, std::move(piece));
}

void Call::on(RequestEnded& ended) {
  const auto choice = running(ended.request);
  if (!choice) return;
  note_end(completions_[*choice], ended.reason);
  if (ended.reason == FinishReason::kError || ended.reason == FinishReason::kCancelled) {
    const Error cut{ErrorCode::kCancelled,
                    "The request was given up by the server before its answer was complete; try again."};
    fail(openai::from_error(ended.error ? *ended.error : cut, options_->retry_after_s));
  } else if (reply_) {
    reply_->end(*choice, {to_string(ended.reason), std::move(ended.stop_reason)});
    if (ended_ == completions_.size()) {
      reply_->finish();
      reply_.reset();
    }
  }
  quit_when_done();
}

void Call::note_tokens(Completion& completion, std::int32_t tokens) {
  if (tokens == 0) return;
  const auto at = now();
  const auto& observer = options_->observer;
  if (!completion.to_first_token) {
    completion.to_first_token = at - arrived_;
    if (observer.first_token) observer.first_token(*completion.to_first_token);
  } else if (observer.token_gap) {
    observer.token_gap(at - completion.last_tokens, tokens);
  }
  completion.tokens += tokens;
  completion.last_tokens = at;
}

void Call::note_end(Completion& completion, FinishReason reason) {
  completion.ended = true;
  ++ended_;
  if (!options_->observer.request_ended) return;
  CompletionOutcome outcome;
  outcome.name = input_.name;
  outcome.reason = reason;
  outcome.prompt_tokens = completion.prompt_tokens;
  outcome.generated_tokens = completion.tokens;
  outcome.total = now() - arrived_;
  outcome.to_first_token = completion.to_first_token;
  if (completion.prompt_times) {
    outcome.queued = completion.prompt_times->began - arrived_;
    outcome.prompt_computing = completion.prompt_times->computing;
  }
  options_->observer.request_ended(outcome);
}

void Call::fail(const openai::ApiError& error) {
  if (!reply_) return;
  reply_->fail(error);
  reply_.reset();
  cancel_all();
}

void Call::cancel_all() {
  for (const auto& completion : completions_)
    if (!completion.ended) send(completion.worker, CancelCompletion{completion.request});
}

void Call::quit_when_done() {
  if (!reply_ && ended_ == completions_.size()) quit();
}

}  // namespace troupe
