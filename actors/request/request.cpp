#include "actors/request/request.hpp"

#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "runtime/base/planted.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

Request::Request(caf::actor_config& config, std::shared_ptr<const RequestSpec> spec, RequesterActor requester,
                 RequestPeers peers)
    : Actor(config),
      spec_(std::move(spec)),
      requester_(std::move(requester)),
      peers_(std::move(peers)),
      detokenizer_(peers_.tokenizer, spec_->skip_special_tokens),
      stops_(spec_->stop, spec_->include_stop) {
  detokenizer_.prime(spec_->prompt);
}

RequestActor::behavior_type Request::make_behavior() {
  // Nobody wants the answer any more: give it up.
  monitor(requester_);
  set_down_handler([this](const caf::down_msg&) {
    rare(Rare::kRequesterGone, !ended_);
    cancel(FinishReason::kCancelled, std::nullopt);
  });
  if (spec_->deadline != TimePoint::max())
    send(peers_.deadlines, WatchDeadline{spec_->id, spec_->deadline, RequestActor{this}});
  route();
  return {
      [this](const CancelCompletion&) { cancel(FinishReason::kCancelled, std::nullopt); },
      [this](Routed& routed) { on(routed); },
      [this](RouteRefused& refused) { on(refused); },
      [this](const MachineLost& lost) {
        rare(Rare::kLostWhileLeaving, lost.attempt == attempt_ && token_ && leaving_);
        if (planted(Bug::kLostDownMessage) && (leaving_ || move_when_free_)) return;
        if (lost.attempt == attempt_ && !routing_ && token_) move();
      },
      [this](TokenProduced& produced) { on(produced); },
      [this](const RequestFailed& failed) { on(failed); },
      [this](const RequestReleased& released) { on(released); },
      [this](const GapDue& due) { on(due); },
      [this](const RouteAgain& again) {
        if (again.attempt == attempt_ && !ended_) route();
      },
      [this](const DeadlinePassed&) {
        rare(Rare::kDeadline, !ended_);
        cancel(FinishReason::kError,
               Error{ErrorCode::kDeadline,
                     "The request took longer than it may; ask for fewer tokens or try when the load is lower."});
      },
  };
}

void Request::on_exit() {
  rare(Rare::kRequestDies, token_ && !leaving_);
  // Whatever ends it: machines let go, and nobody counts it any more. Nothing of this is left after an end in order.
  if (token_ && !leaving_) caf::anon_send(token_, CancelRequest{spec_->id, attempt_});
  if (routing_ || counted_) caf::anon_send(peers_.router, RequestLeft{spec_->id, attempt_, 0});
  if (!ended_ && spec_->deadline != TimePoint::max()) caf::anon_send(peers_.deadlines, ForgetDeadline{spec_->id});
  requester_ = nullptr;
  token_ = nullptr;
}

void Request::route() {
  routing_ = true;
  const auto generated = static_cast<std::int32_t>(generated_.size());
  send(peers_.router, RouteRequest{spec_->id, static_cast<std::int32_t>(spec_->prompt.size()) + generated,
                                   spec_->max_tokens - generated, attempt_, RoutedActor{RequestActor{this}}, avoid_});
}

void Request::on(RouteRefused& refused) {
  if (refused.attempt != attempt_) return;
  routing_ = false;
  const bool passing = refused.error.code == ErrorCode::kUnavailable || refused.error.code == ErrorCode::kOverloaded;
  if (!ended_ && passing && attempt_ > 0) {
    rare(Rare::kRefusedAndTriesAgain);
    try_again();  // it was admitted once: what it lacks now may come back
    return;
  }
  cancel(FinishReason::kError, std::move(refused.error));
  quit_when_free();
}

void Request::on(Routed& routed) {
  if (routed.attempt != attempt_) return;
  routing_ = false;
  counted_ = true;
  generated_before_ = generated_.size();
  if (ended_) {
    rare(Rare::kRoutedTooLate);
    leave();
    quit_when_free();
    return;
  }
  token_ = routed.token;
  prompt_machine_ = routed.prompt_machine;
  token_machine_ = routed.token_machine;
  send(token_, AdmitRequest{spec_, attempt_, generated_, routed.prompt_machine, std::move(routed.prompt),
                            ProgressActor{RequestActor{this}}});
}

void Request::on(TokenProduced& produced) {
  if (produced.attempt != attempt_ || ended_) return;
  if (produced.index == static_cast<std::int32_t>(generated_.size())) {
    take(produced);
    for (auto next = early_.begin();
         !ended_ && next != early_.end() && next->first == static_cast<std::int32_t>(generated_.size());
         next = early_.erase(next))
      take(next->second);
  } else if (produced.index > static_cast<std::int32_t>(generated_.size())) {
    rare(Rare::kTokenEarly);
    if (early_.empty()) await_missing();
    early_.emplace(produced.index, std::move(produced));
  }
}

void Request::await_missing() {
  delayed_send(RequestActor{this}, kGapPatience, GapDue{attempt_, static_cast<std::int32_t>(generated_.size())});
}

void Request::on(const GapDue& due) {
  const bool still = due.attempt == attempt_ && due.missing == static_cast<std::int32_t>(generated_.size());
  if (ended_ || (!still && !planted(Bug::kMissingGenerationCheck))) return;
  rare(Rare::kTokenMissing);
  blame_prompt_machine();
  if (!token_) {
    move();
  } else if (!std::exchange(leaving_, true)) {
    move_when_free_ = true;
    send(token_, CancelRequest{spec_->id, attempt_});
  }
}

void Request::take(TokenProduced& produced) {
  auto& result = produced.result;
  if (!result.prompt_logprobs.empty() && !std::exchange(prompt_scored_, true))
    send(requester_, PromptScored{spec_->id, std::move(result.prompt_logprobs)});
  // The recompute of a preempted request also comes as a prompt; the router is told once an attempt.
  if (std::exchange(told_prompt_done_, attempt_) != attempt_) send(peers_.router, PromptPhaseDone{spec_->id, attempt_});

  const auto index = static_cast<std::int32_t>(generated_.size());
  generated_.push_back(result.token);
  const bool silent = produced.last && produced.reason == FinishReason::kStop && !spec_->include_stop;
  std::string text = silent ? std::string{} : stops_.push(detokenizer_.push(result.token));
  const bool over = produced.last || stops_.found();
  if (over && !stops_.found()) {
    text += stops_.push(detokenizer_.finish());
    text += stops_.finish();
  }
  TokensGenerated news{spec_->id, index, {}, std::move(text), index == 0 ? produced.prompt_times : std::nullopt};
  news.tokens.push_back({result.token, std::move(result.logprobs)});
  send(requester_, std::move(news));
  if (stops_.found()) {
    rare(Rare::kStopString, !produced.last);
    end(FinishReason::kStop, *stops_.found(), std::nullopt);
  } else if (produced.last && produced.reason == FinishReason::kStop) {
    end(FinishReason::kStop, result.token, std::nullopt);
  } else if (produced.last) {
    end(produced.reason, std::monostate{}, std::nullopt);
  }
}

void Request::on(const RequestFailed& failed) {
  if (failed.attempt != attempt_) return;
  if (failed.error.code == ErrorCode::kUnavailable && !ended_) {
    rare(Rare::kFailedAndMoves);
    blame_prompt_machine();
    move_when_free_ = true;  // RequestReleased or MachineLost follows
  } else {
    cancel(FinishReason::kError, failed.error);
  }
}

void Request::on(const RequestReleased& released) {
  if (released.attempt != attempt_) return;
  token_ = nullptr;
  if (move_when_free_ && !ended_) {
    move();
    return;
  }
  if (!ended_) {
    await_missing();
    return;
  }
  quit_when_free();
}

void Request::leave() {
  if (!std::exchange(counted_, false)) return;
  const auto made = generated_.size() - std::min(generated_before_, generated_.size());
  send(peers_.router, RequestLeft{spec_->id, attempt_, static_cast<std::int32_t>(made)});
}

void Request::move() {
  leave();
  // The router may have lost a machine that others still reach: what that does for this request has to end.
  if (token_ && !leaving_) send(token_, CancelRequest{spec_->id, attempt_});
  token_ = nullptr;
  leaving_ = false;
  move_when_free_ = false;
  early_.clear();
  if (ended_) {
    quit_when_free();
    return;
  }
  try_again();
}

void Request::blame_prompt_machine() {
  // Where both phases were on one machine it is the machine's word against nobody's: it may as well be asked again.
  if (prompt_machine_ != token_machine_ && std::find(avoid_.begin(), avoid_.end(), prompt_machine_) == avoid_.end())
    avoid_.push_back(prompt_machine_);
}

void Request::try_again() {
  if (++attempt_ >= kMaxAttempts) {
    rare(Rare::kAttemptsUsedUp);
    cancel(FinishReason::kError,
           Error{ErrorCode::kUnavailable, "The machines that served the request were lost " +
                                              std::to_string(kMaxAttempts) + " times; try again later."});
    quit_when_free();
    return;
  }
  if (attempt_ == 1) {
    route();
    return;
  }
  avoid_.resize(std::min<std::size_t>(avoid_.size(), 16));
  const auto pause = std::min(kFirstPause * (1 << std::min(attempt_ - 2, 10)), kMostPause);
  delayed_send(RequestActor{this}, pause, RouteAgain{attempt_});
}

void Request::cancel(FinishReason reason, std::optional<Error> error) {
  if (ended_) return;
  end(reason, std::monostate{}, std::move(error));
}

void Request::end(FinishReason reason, std::variant<std::monostate, std::string, TokenId> stop_reason,
                  std::optional<Error> error) {
  ended_ = true;
  send(peers_.deadlines, ForgetDeadline{spec_->id});
  send(requester_,
       RequestEnded{spec_->id, reason, std::move(stop_reason), std::move(error),
                    static_cast<std::int32_t>(spec_->prompt.size()), static_cast<std::int32_t>(generated_.size())});
  // Harmless where the machine has let go by itself: its notice is on the way.
  if (token_ && !std::exchange(leaving_, true)) send(token_, CancelRequest{spec_->id, attempt_});
  quit_when_free();
}

void Request::quit_when_free() {
  if (!ended_ || routing_ || token_) return;
  leave();
  quit();
}

}  // namespace troupe
