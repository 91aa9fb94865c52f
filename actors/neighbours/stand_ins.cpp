#include "actors/neighbours/stand_ins.hpp"

namespace troupe {

TokenActor::behavior_type RemoteToken::make_behavior() {
  return {
      [this](AdmitRequest& admit) {
        send(neighbours_, AdmitElsewhere{machine_, std::move(admit)});
      },
      [this](const CancelRequest& cancel) {
        send(neighbours_, CancelElsewhere{machine_, cancel});
      },
      // The rest is between the token actor and those on its own node.
      [](const PromptCommitted&) {},
      [](const PromptCancelled&) {},
      [](const KvWritten&) {},
      [](const StepFinished&) {},
      [](const BlocksReserved&) {},
      [](const BlocksRefused&) {},
      [](const BlocksAvailable&) {},
      [](const QueryWork&) { return WorkState{}; },
  };
}

PromptActor::behavior_type RemotePrompt::make_behavior() {
  return {
      [this](RunPrompt& run) {
        send(neighbours_, RunPromptElsewhere{machine_, std::move(run)});
      },
      [this](const CancelPrompt& cancel) {
        send(neighbours_,
             CancelPromptElsewhere{machine_, cancel, caf::actor_cast<PromptClientActor>(current_sender())});
      },
      [](const StepFinished&) {},
      [](const LayersWritten&) {},
      [](const QueryWork&) { return WorkState{}; },
  };
}

RoutesActor::behavior_type RemoteRouter::make_behavior() {
  return {
      [this](RouteRequest& request) {
        send(neighbours_, RouteElsewhere{node_, std::move(request)});
      },
      [this](const PromptPhaseDone& done) {
        send(neighbours_, RouteElsewhere{node_, done});
      },
      [this](const RequestLeft& left) {
        send(neighbours_, RouteElsewhere{node_, left});
      },
      [this](AdoptRequest& adopt) {
        send(neighbours_, RouteElsewhere{node_, std::move(adopt)});
      },
  };
}

RoutedActor::behavior_type RemoteDispatcher::make_behavior() {
  return {
      [this](Routed& routed) {
        send(neighbours_, AnswerElsewhere{home_, std::move(routed)});
      },
      [this](RouteRefused& refused) {
        send(neighbours_, AnswerElsewhere{home_, std::move(refused)});
      },
      [this](const MachineLost& lost) {
        send(neighbours_, AnswerElsewhere{home_, lost});
      },
  };
}

RemoteRequests::Handle::behavior_type RemoteRequests::make_behavior() {
  return {
      [this](TokenProduced& produced) { collect(std::move(produced)); },
      [this](RequestFailed& failed) { collect(std::move(failed)); },
      [this](const RequestReleased& released) { collect(released); },
      [this](const FlushNews&) {
        send(neighbours_, ReportElsewhere{home_, std::move(news_)});
        news_.clear();
      },
  };
}

void RemoteRequests::collect(RequestNews news) {
  news_.push_back(std::move(news));
  if (news_.size() == 1) send(Handle{this}, FlushNews{});
}

}  // namespace troupe
