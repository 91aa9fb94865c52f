// Requests that are served elsewhere, and those of other nodes that are served here.
#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "actors/kv_sender/kv_sender.hpp"
#include "actors/neighbours/neighbours.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {
namespace {

std::int64_t time_left(const RequestSpec& spec, TimePoint now) {
  if (spec.deadline == TimePoint::max()) return -1;
  return std::max<std::int64_t>(0, std::chrono::nanoseconds(spec.deadline - now).count());
}

std::shared_ptr<const RequestSpec> spec_of(RequestSpec spec, std::int64_t deadline_in_ns, TimePoint now) {
  if (deadline_in_ns >= 0) spec.deadline = now + std::chrono::nanoseconds(deadline_in_ns);
  return std::make_shared<const RequestSpec>(std::move(spec));
}

}  // namespace

void Neighbours::unable(const ProgressActor& request, RequestId id, Attempt attempt, const std::string& why) {
  send(request, RequestFailed{id, attempt, {ErrorCode::kUnavailable, why}});
}

NodeId Neighbours::home_of(RequestId request, const ProgressActor& actor) {
  for (const auto& [id, peer] : peers_)
    if (peer.requests == actor) return id;
  if (here_.insert_or_assign(request, actor).second) {
    monitor(actor);
    here_ids_[actor.id()] = request;
  }
  return options_.self;
}

// Asked by actors of this node.

void Neighbours::on(AdmitElsewhere& admit) {
  auto& what = admit.what;
  const RequestId id = what.spec->id;
  const auto [node, machine] = remote(admit.machine);
  home_of(id, what.request);
  const bool sent =
      machine != nullptr && send_to(node, wire::Admit{*what.spec, time_left(*what.spec, now()), what.attempt,
                                                      std::move(what.generated), what.prompt_machine, admit.machine});
  if (sent) return;
  rare(Rare::kAdmitTooLate);
  unable(what.request, id, what.attempt, "The machine that was to serve the request has left the cluster.");
  send(what.request, RequestReleased{id, what.attempt, 0});
}

void Neighbours::on(const CancelElsewhere& cancel) {
  // Where the machine has left, the router has told the request so.
  if (const auto [node, machine] = remote(cancel.machine); machine != nullptr)
    send_to(node, wire::Cancel{cancel.what.request, cancel.what.attempt, cancel.machine});
}

void Neighbours::on(RunPromptElsewhere& run) {
  auto& what = run.what;
  const RequestId id = what.spec->id;
  const auto [node, machine] = remote(run.machine);
  const auto local = local_.find(what.token_machine);
  const bool reachable = machine != nullptr && peers_.at(node).link && peers_.at(node).session != 0;
  if (!reachable || local == local_.end() || !local->second.what.slab) {
    unable(what.request, id, what.attempt, "The machine that was to run the prompt has left the cluster.");
    send(what.token, PromptCancelled{id, what.attempt});
    return;
  }
  // The blocks may reach further, for tokens to come; what travels is what the prompt fills.
  const auto tokens = static_cast<std::int64_t>(what.spec->prompt.size() + what.generated.size());
  const auto filled = static_cast<std::size_t>((tokens + kernels::kBlockPositions - 1) / kernels::kBlockPositions);
  what.blocks.resize(std::min(what.blocks.size(), filled));
  const Ticket ticket{options_.draw(), options_.draw()};
  landings_[ticket] = Landing{node, run.machine, id, what.attempt, what.token, what.request};
  link::Landing landing{ticket, *peers_.at(node).link, *local->second.what.slab, {}};
  for (const auto& life : what.blocks) landing.blocks.push_back(life.block);
  send(local->second.what.pool, AdvertiseBlocks{what.blocks});
  options_.link->open_landing(std::move(landing), [self = NeighboursActor{this}, id, ticket](auto how) {
    caf::anon_send(self, LandingEnded{id, ticket, std::make_shared<const Result<link::Arrival>>(std::move(how))});
  });
  send_to(node, wire::StartPrompt{*what.spec, time_left(*what.spec, now()), what.attempt, std::move(what.generated),
                                  run.machine, what.token_machine, home_of(id, what.request), ticket,
                                  static_cast<std::int32_t>(what.blocks.size())});
}

void Neighbours::on(const CancelPromptElsewhere& cancel) {
  const auto found = std::find_if(landings_.begin(), landings_.end(), [&](const auto& each) {
    return each.second.id == cancel.what.request && each.second.attempt == cancel.what.attempt;
  });
  if (found == landings_.end()) {
    send(cancel.client, PromptCancelled{cancel.what.request, cancel.what.attempt});
    return;
  }
  rare(Rare::kLandingCancelled);
  auto& [ticket, landing] = *found;
  landing.cancelled = true;
  send_to(landing.from, wire::StopPrompt{landing.id, landing.attempt, landing.prompt_machine});
  options_.link->close_landing(ticket);
}

void Neighbours::on(const LandingEnded& ended) {
  const auto found = landings_.find(ended.ticket);
  if (found == landings_.end()) return;
  const Landing landing = std::move(found->second);
  landings_.erase(found);
  std::string why;
  if (ended.how->ok()) {
    const auto token = first_token_in((*ended.how)->note);
    if (token.ok()) {
      send(landing.client, PromptCommitted{landing.id, landing.attempt, *token, 0});
      return;
    }
    why = token.error().message;
  } else {
    why = ended.how->error().message;
  }
  rare(Rare::kLandingFailed, !landing.cancelled);
  if (!landing.cancelled) {
    send_to(landing.from, wire::StopPrompt{landing.id, landing.attempt, landing.prompt_machine});
    unable(landing.request, landing.id, landing.attempt, "The prompt's KV did not arrive: " + why);
  }
  send(landing.client, PromptCancelled{landing.id, landing.attempt});
}

void Neighbours::on(const KvSendEnded& ended) {
  send_to(ended.to, wire::PromptStopped{ended.request, ended.attempt, ended.ticket, ended.complete});
}

void Neighbours::on(ReportElsewhere& report) {
  auto& admitted = peers_.at(report.home).admitted;
  for (const auto& news : report.news) {
    const auto* released = std::get_if<RequestReleased>(&news);
    if (released == nullptr) continue;
    const auto served = admitted.find(released->request);
    if (served != admitted.end() && served->second.attempt == released->attempt) admitted.erase(served);
  }
  send_to(report.home, wire::Progress{std::move(report.news)});
}

// Asked by other nodes.

std::optional<Error> Neighbours::why_not(const MachineJoined& machine, const RequestSpec& spec,
                                         const std::vector<TokenId>& generated) {
  const auto known = [&](TokenId token) { return token >= 0 && token < machine.vocab_size; };
  const auto tokens = static_cast<std::int64_t>(spec.prompt.size() + generated.size());
  const auto longest = static_cast<std::int64_t>(spec.prompt.size()) + spec.max_tokens - 1;
  const std::string whose = "Machine \"" + machine.name + "\" cannot serve the request: ";
  if (!std::all_of(spec.prompt.begin(), spec.prompt.end(), known) ||
      !std::all_of(generated.begin(), generated.end(), known))
    return Error{ErrorCode::kInvalidInput, whose + "it holds token ids that the model does not have."};
  if (tokens > machine.max_positions || longest > machine.max_positions)
    return Error{ErrorCode::kTooLarge, whose + "the model's sequences end at " + std::to_string(machine.max_positions) +
                                           " tokens, and it wants " + std::to_string(std::max(tokens, longest)) + "."};
  if (longest > machine.kv_positions())
    return Error{ErrorCode::kTooLarge, whose + "its KV memory holds " + std::to_string(machine.kv_positions()) +
                                           " positions, and it wants " + std::to_string(longest) + "."};
  return std::nullopt;
}

void Neighbours::handle(NodeId from, wire::Admit& admit) {
  const auto token = local_.find(admit.token_machine);
  if (token != local_.end()) {
    if (auto error = why_not(token->second.what, admit.spec, admit.generated)) {
      const auto& requests = peers_.at(from).requests;
      send(requests, RequestFailed{admit.spec.id, admit.attempt, std::move(*error)});
      send(requests, RequestReleased{admit.spec.id, admit.attempt, 0});
      return;
    }
  }
  if (token == local_.end()) {
    rare(Rare::kAdmitTooLate);
    unable(peers_.at(from).requests, admit.spec.id, admit.attempt, "The token machine is not there any more.");
    send(peers_.at(from).requests, RequestReleased{admit.spec.id, admit.attempt, 0});
    return;
  }
  if (const auto prompt = local_.find(admit.prompt_machine); prompt != local_.end()) {
    const bool near = prompt != token && prompt->second.what.prompt_for_others;
    admit_here(from, admit, near ? prompt->second.what.prompt_for_others : token->second.what.prompt);
  } else if (const auto [node, machine] = remote(admit.prompt_machine); machine != nullptr) {
    admit_here(from, admit, machine->what.prompt);
  } else if (std::any_of(peers_.begin(), peers_.end(),
                         [&](const auto& each) { return each.second.lost.contains(admit.prompt_machine); })) {
    unable(peers_.at(from).requests, admit.spec.id, admit.attempt, "The prompt machine has left the cluster.");
    send(peers_.at(from).requests, RequestReleased{admit.spec.id, admit.attempt, 0});
  } else {
    rare(Rare::kAdmitEarly);
    early_.push_back({from, now(), std::move(admit)});
  }
}

void Neighbours::admit_here(NodeId from, wire::Admit& admit, const PromptActor& prompt) {
  auto& peer = peers_.at(from);
  const RequestId id = admit.spec.id;
  peer.admitted[id] = {admit.attempt, admit.token_machine};
  const auto& token = local_.at(admit.token_machine).what.token;
  send(token, AdmitRequest{spec_of(std::move(admit.spec), admit.deadline_in_ns, now()), admit.attempt,
                           std::move(admit.generated), admit.prompt_machine, prompt, peer.requests});
}

void Neighbours::admit_early() {
  // A node may hear of a request before it hears of the machine that is to run its prompt.
  auto early = std::exchange(early_, {});
  for (auto& each : early) {
    const bool known = remote(each.what.prompt_machine).second != nullptr || !local_.contains(each.what.token_machine);
    if (known) {
      handle(each.from, each.what);
    } else if (now() - each.since < options_.silence) {
      early_.push_back(std::move(each));
    } else {
      const auto& requests = peers_.at(each.from).requests;
      unable(requests, each.what.spec.id, each.what.attempt, "The token machine does not reach the prompt machine.");
      send(requests, RequestReleased{each.what.spec.id, each.what.attempt, 0});
    }
  }
}

void Neighbours::handle(NodeId from, const wire::Cancel& cancel) {
  const auto early = std::find_if(early_.begin(), early_.end(), [&](const Early& each) {
    return each.from == from && each.what.spec.id == cancel.request && each.what.attempt == cancel.attempt;
  });
  if (early != early_.end()) {
    early_.erase(early);
    send(peers_.at(from).requests, RequestReleased{cancel.request, cancel.attempt, 0});
    return;
  }
  if (const auto machine = local_.find(cancel.token_machine); machine != local_.end())
    send(machine->second.what.token, CancelRequest{cancel.request, cancel.attempt});
}

void Neighbours::handle(NodeId from, wire::StartPrompt& start) {
  const auto machine = local_.find(start.prompt_machine);
  const auto& peer = peers_.at(from);
  ProgressActor home;
  if (start.home == options_.self) {
    if (const auto here = here_.find(start.spec.id); here != here_.end()) home = here->second;
  } else if (const auto there = peers_.find(start.home); there != peers_.end()) {
    home = there->second.requests;
  }
  const auto places =
      (static_cast<std::int64_t>(start.spec.prompt.size() + start.generated.size()) + kernels::kBlockPositions - 1) /
      kernels::kBlockPositions;
  const bool possible = machine != local_.end() && machine->second.kv_sender && start.blocks == places &&
                        !why_not(machine->second.what, start.spec, start.generated);
  if (!possible || !peer.link || !home) {
    rare(Rare::kStartRefused);
    send_to(from, wire::PromptStopped{start.spec.id, start.attempt, start.ticket, false});
    return;
  }
  send(machine->second.kv_sender,
       SendKv{spec_of(std::move(start.spec), start.deadline_in_ns, now()), start.attempt, std::move(start.generated),
              start.ticket, start.blocks, from, *peer.link, start.token_machine, home});
}

void Neighbours::handle(NodeId, const wire::StopPrompt& stop) {
  if (const auto machine = local_.find(stop.prompt_machine); machine != local_.end() && machine->second.kv_sender)
    send(machine->second.kv_sender, StopKv{stop.request, stop.attempt});
}

void Neighbours::handle(NodeId from, const wire::PromptStopped& stopped) {
  const auto landing = landings_.find(stopped.ticket);
  if (landing == landings_.end() || landing->second.from != from) return;
  if (stopped.complete) {
    delayed_send(NeighboursActor{this}, options_.silence, LandingDue{stopped.ticket});
  } else {
    options_.link->close_landing(stopped.ticket);
  }
}

void Neighbours::on(const LandingDue& due) {
  // All was sent and something of it was lost on the way, or refused.
  rare(Rare::kLandingDue, landings_.contains(due.ticket));
  if (landings_.contains(due.ticket)) options_.link->close_landing(due.ticket);
}

void Neighbours::handle(NodeId, wire::Progress& progress) {
  for (auto& news : progress.news)
    std::visit(
        [&](auto& each) {
          const auto here = here_.find(each.request);
          rare(Rare::kNewsForNobody, here == here_.end());
          if (here != here_.end()) send(here->second, std::move(each));
        },
        news);
}

}  // namespace troupe
