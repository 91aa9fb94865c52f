#include "actors/splitwise_sim/machine.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"

namespace troupe::splitwise_sim {

Machine::Machine(caf::actor_config& config, std::shared_ptr<Cast> cast, MachineIndex self, MachineRules rules)
    : Actor(config), cast_(std::move(cast)), self_(self), rules_(std::move(rules)) {
  report_.machine = history_.machine = self;
  now_.memory = rules_.memory();
}

MachineActor::behavior_type Machine::make_behavior() {
  return {
      [this](const EventDue& due) { on(due); },           [this](const ServeRequest& serve) { on(serve); },
      [this](const OfferKv& offer) { on(offer); },        [this](const KvAnswered& answer) { on(answer); },
      [this](const SubmitTokens& submit) { on(submit); }, [this](const TokensSubmitted& submitted) { on(submitted); },
      [this](const CloseBooks&) { close_books(); },
  };
}

void Machine::on(const EventDue& due) {
  at_ = due.event.at;
  switch (due.event.kind) {
    case EventKind::kRunEnd:
      end_run();
      break;
    case EventKind::kKvSent:
      kv_sent(due.event.number);
      break;
    case EventKind::kRetry:
      offer(due.event.number);
      break;
    case EventKind::kArrival:
      CHECK(false, self_);
  }
}

void Machine::on(const ServeRequest& serve) {
  at_ = serve.at;
  prompts_[serve.facts.request] = {serve.facts, serve.token_machine, 0, 0};
  if (serve.token_machine == self_)
    rules_.submit_both(serve.facts, at_);
  else
    rules_.submit(serve.facts, Phase::kPrompt, at_);
  tell();
}

void Machine::end_run() {
  history_.steps += rules_.steps_of_run();
  ending_run_ = true;
  for (const auto& news : rules_.finish_run(at_))
    news.phase == Phase::kPrompt ? prompt_ended(news) : tokens_ended(news);
  if (!offers_.empty()) return;
  ending_run_ = false;
  rules_.start_next(at_);
  tell();
}

void Machine::prompt_ended(const MachineRules::TaskNews& news) {
  const RequestIndex request = news.facts.request;
  const auto found = prompts_.find(request);
  PromptHere& prompt = found->second;
  prompt.ended = at_;
  report_.pending_done += news.facts.prompt_tokens;
  send(cast_->ledger, PromptRan{request, self_, prompt.started, at_});
  if (prompt.token_machine != self_) {
    offer(request);
    return;
  }
  prompts_.erase(found);
  tokens_[request] = {at_, at_, at_};
  if (news.facts.decode_steps() == 0) tokens_ended(news);
}

void Machine::tokens_ended(const MachineRules::TaskNews& news) {
  const auto found = tokens_.find(news.facts.request);
  const TokensHere& tokens = found->second;
  report_.pending_done += 1;
  report_.reserved_done += news.facts.memory(rules_.traits().kv_bytes_per_token);
  send(cast_->ledger, RequestServed{news.facts.request, self_, tokens.prompt_done, tokens.transferred, tokens.started,
                                    at_, news.preemptions});
  tokens_.erase(found);
}

void Machine::offer(RequestIndex request) {
  const PromptHere& prompt = prompts_.at(request);
  offers_.push_back({request, std::nullopt});
  send(cast_->machines[prompt.token_machine],
       OfferKv{request, prompt.facts.prompt_memory(rules_.traits().kv_bytes_per_token), MachineActor{this}});
}

void Machine::on(const OfferKv& offer) { send(offer.from, KvAnswered{offer.request, rules_.take_kv(offer.bytes)}); }

/// Answers of several machines come in any order, and are acted on in the order of the offers.
void Machine::on(const KvAnswered& answer) {
  for (Offer& each : offers_)
    if (each.request == answer.request) each.taken = answer.taken;
  if (std::any_of(offers_.begin(), offers_.end(), [](const Offer& each) { return !each.taken; })) return;
  for (const Offer& each : std::exchange(offers_, {})) {
    const PromptHere& prompt = prompts_.at(each.request);
    // The transfer moves the prompt's KV; what is allocated has the first token's too.
    const auto bytes = static_cast<double>(prompt.facts.prompt_tokens * rules_.traits().kv_bytes_per_token);
    const double wait = *each.taken ? bytes / kLinkBytesPerSecond : kRetrySeconds;
    send(cast_->timeline,
         ScheduleEvent{{at_ + wait, *each.taken ? EventKind::kKvSent : EventKind::kRetry, self_, each.request}});
  }
  if (!std::exchange(ending_run_, false)) return;
  rules_.start_next(at_);
  tell();
}

void Machine::kv_sent(RequestIndex request) {
  const PromptHere& prompt = prompts_.at(request);
  const std::int64_t bytes = prompt.facts.prompt_memory(rules_.traits().kv_bytes_per_token);
  rules_.give_kv(bytes);
  report_.reserved_done += bytes;
  send(cast_->machines[prompt.token_machine], SubmitTokens{at_, prompt.facts, prompt.ended, MachineActor{this}});
}

void Machine::on(const SubmitTokens& submit) {
  at_ = submit.at;
  tokens_[submit.facts.request] = {submit.prompt_done, at_, 0};
  rules_.submit(submit.facts, Phase::kToken, at_);
  tell();
  send(submit.from, TokensSubmitted{submit.facts.request});
}

void Machine::on(const TokensSubmitted& submitted) {
  prompts_.erase(submitted.request);
  rules_.look_again(at_);
  tell();
}

void Machine::tell() {
  for (const auto& end : rules_.take_run_ends())
    send(cast_->timeline, ScheduleEvent{{end.at, EventKind::kRunEnd, self_, end.run}});
  for (const auto& news : rules_.take_started()) {
    if (news.phase == Phase::kPrompt)
      prompts_.at(news.facts.request).started = at_;
    else
      tokens_.at(news.facts.request).started = at_;
  }
  const bool waiting = rules_.has_waiting();
  report_.became_free = rules_.take_became_free();
  if (report_.pending_done != 0 || report_.reserved_done != 0 || report_.became_free || report_.waiting != waiting) {
    report_.at = at_;
    report_.waiting = waiting;
    send(cast_->cluster, report_);
    report_.pending_done = report_.reserved_done = 0;
  }
  remember();
}

void Machine::remember() {
  constexpr std::size_t kStretchesAtOnce = 32;
  now_.to = at_;
  if (now_.to > now_.from) history_.stretches.push_back(now_);
  now_ = {at_,
          at_,
          static_cast<std::int32_t>(rules_.running()),
          static_cast<std::int32_t>(rules_.running_prompts()),
          static_cast<std::int32_t>(rules_.waiting()),
          rules_.memory()};
  if (history_.stretches.size() >= kStretchesAtOnce) close_books();
}

void Machine::close_books() {
  history_.preemptions = rules_.preemptions();
  send(cast_->ledger, std::exchange(history_, MachineHistory{self_, {}, 0, 0}));
}

}  // namespace troupe::splitwise_sim
