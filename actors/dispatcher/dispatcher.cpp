#include "actors/dispatcher/dispatcher.hpp"

#include <utility>

#include "runtime/base/rare.hpp"

namespace troupe {

DispatcherActor::behavior_type Dispatcher::make_behavior() {
  return {
      [this](RouteRequest& request) {
        auto& entry = entries_[request.request];
        entry = {};
        entry.what = std::move(request);
        ask(entry);
      },
      [this](const PromptPhaseDone& done) {
        auto* const known = entry(done.request, done.attempt);
        if (known == nullptr) return;
        known->prompt_done = true;
        if (router_) send(router_, done);
      },
      [this](const RequestLeft& left) {
        if (entry(left.request, left.attempt) == nullptr) return;
        entries_.erase(left.request);
        if (router_) send(router_, left);
      },
      [this](Routed& routed) {
        auto* const known = entry(routed.request, routed.attempt);
        if (known == nullptr || std::exchange(known->routed, true)) return;
        known->prompt_machine = routed.prompt_machine;
        known->token_machine = routed.token_machine;
        send(known->what.reply_to, std::move(routed));
      },
      [this](RouteRefused& answer) {
        auto* const known = entry(answer.request, answer.attempt);
        if (known != nullptr && !known->routed) refused(*known, std::move(answer.error));
      },
      [this](const MachineLost& lost) {
        if (auto* const known = entry(lost.request, lost.attempt)) send(known->what.reply_to, lost);
      },
      [this](const MachineJoined& joined) { machines_.insert(joined.machine); },
      [this](const MachineLeft& left) { on(left); },
      [this](const RouterChanged& changed) { on(changed); },
      [this](const AskAgain& again) {
        auto* const known = entry(again.request, again.attempt);
        if (known != nullptr && !known->routed) ask(*known);
      },
  };
}

void Dispatcher::on_exit() {
  router_ = nullptr;
  entries_.clear();
}

Dispatcher::Entry* Dispatcher::entry(RequestId request, Attempt attempt) {
  const auto found = entries_.find(request);
  return found != entries_.end() && found->second.what.attempt == attempt ? &found->second : nullptr;
}

RouteRequest Dispatcher::asked(const Entry& entry) {
  auto request = entry.what;
  request.reply_to = RoutedActor{DispatcherActor{this}};
  return request;
}

void Dispatcher::ask(Entry& entry) {
  ++entry.asks;
  if (router_) {
    send(router_, asked(entry));
    return;
  }
  refused(entry, {ErrorCode::kUnavailable,
                  "No node that routes is connected at the moment; try again in a few seconds, and see "
                  "`troupe status` for the nodes that are."});
}

void Dispatcher::refused(Entry& entry, Error error) {
  const auto& what = entry.what;
  const bool hope = !machines_.empty() || (last_left_ && now() - *last_left_ < kMostAsks * kPause);
  if (error.code == ErrorCode::kUnavailable && hope && entry.asks < kMostAsks) {
    rare(Rare::kAskedAgain);
    delayed_send(DispatcherActor{this}, kPause, AskAgain{what.request, what.attempt});
    return;
  }
  rare(Rare::kDispatcherGaveUp);
  send(what.reply_to, RouteRefused{what.request, what.attempt, std::move(error)});
  entries_.erase(what.request);
}

void Dispatcher::on(const RouterChanged& changed) {
  const auto before = std::exchange(router_, changed.router);
  if (before == router_) return;
  for (auto& [request, entry] : entries_) {
    rare(Rare::kRouterChangedUnderWay, entry.routed && before && router_);
    if (before) send(before, RequestLeft{request, entry.what.attempt});
    if (!entry.routed) {
      // What refuses it there may end it, so not while going through all of them.
      send(DispatcherActor{this}, AskAgain{request, entry.what.attempt});
    } else if (router_) {
      send(router_, AdoptRequest{asked(entry), entry.prompt_machine, entry.token_machine, entry.prompt_done});
    }
  }
}

void Dispatcher::on(const MachineLeft& left) {
  machines_.erase(left.machine);
  last_left_ = now();
  for (const auto& [request, entry] : entries_)
    if (entry.routed && entry.token_machine == left.machine)
      send(entry.what.reply_to, MachineLost{request, entry.what.attempt, left.machine});
}

}  // namespace troupe
