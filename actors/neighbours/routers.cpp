// Who routes, and routing for requests of other nodes.
//
// Every node decides for itself who the active router is, by one rule: whoever says of itself that it is (by its
// beats), of several the one of the lowest id; where nobody does, the connected candidate of the lowest id. Two nodes
// may disagree for a while, and both may route: a router's word moves load, and no request depends on its being the
// only one.
#include <algorithm>
#include <utility>

#include "actors/neighbours/neighbours.hpp"
#include "actors/wire/limits.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {
namespace {

/// Of one peer's requests, known to the router here at a time.
constexpr std::size_t kMostRouted = 65536;

}  // namespace

bool Neighbours::may_route(NodeId id) const {
  return std::find(options_.routers.begin(), options_.routers.end(), id) != options_.routers.end();
}

void Neighbours::elect() {
  const auto before = active_;
  const auto here = [this](NodeId id) {
    return id == options_.self ? options_.router != nullptr : peers_.at(id).session != 0;
  };
  if (active_ && !here(*active_)) active_.reset();
  for (const auto& [id, peer] : peers_)
    if (peer.session != 0 && peer.routes && (!active_ || id < *active_)) active_ = id;
  // One that has just started may not have met yet who routes; it has when all who may have spoken, or when the one
  // that it has just lost did.
  const bool all_spoke = std::all_of(options_.routers.begin(), options_.routers.end(), [&](NodeId id) {
    return id == options_.self || (peers_.at(id).session != 0 && peers_.at(id).clock.heard_beat != 0);
  });
  if (!active_ && (before || all_spoke || options_.routers.size() == 1 || now() - born_ >= options_.silence))
    for (const NodeId id : options_.routers)
      if (here(id) && (!active_ || id < *active_)) active_ = id;
  if (active_ == before) return;
  if (active_) {
    options_.tell("routes", options_.nodes.at(active_->value),
                  before ? "node \"" + options_.nodes.at(before->value) + "\" did before" : "nobody did before");
  }
  RoutesActor router;
  if (active_ == options_.self) router = options_.router;
  if (active_ && active_ != options_.self) router = peers_.at(*active_).router;
  if (options_.dispatcher) send(options_.dispatcher, RouterChanged{router});
  if (balancer_) send(balancer_, BalancerActive{active_ == options_.self});
  count_serving();
}

void Neighbours::on(const WatchRouting& watch) {
  balancer_ = watch.balancer;
  send(balancer_, BalancerActive{active_ == options_.self});
}

void Neighbours::tell_routing(const MachineJoined& joined) {
  if (options_.router) send(options_.router, joined);
  if (options_.dispatcher) send(options_.dispatcher, joined);
}

void Neighbours::tell_routing(const MachineLeft& left) {
  if (options_.router) send(options_.router, left);
  if (options_.dispatcher) send(options_.dispatcher, left);
}

const MachineJoined* Neighbours::machine(MachineId id) {
  if (const auto local = local_.find(id); local != local_.end()) return &local->second.what;
  const auto [node, found] = remote(id);
  return found != nullptr ? &found->what : nullptr;
}

// Asked by the dispatcher and the router of this node.

void Neighbours::on(RouteElsewhere& route) {
  const auto ask = [](RouteRequest& request) {
    request.avoid.resize(std::min(request.avoid.size(), wire::kMostAvoided));
    return wire::RouteAsk{request.request, request.prompt_tokens,    request.max_tokens,
                          request.attempt, std::move(request.avoid), std::nullopt};
  };
  if (auto* request = std::get_if<RouteRequest>(&route.what)) {
    send_to(route.router, ask(*request));
  } else if (auto* adopt = std::get_if<AdoptRequest>(&route.what)) {
    auto message = ask(adopt->what);
    message.placed = wire::Placement{adopt->prompt_machine, adopt->token_machine, adopt->prompt_done};
    send_to(route.router, std::move(message));
  } else if (const auto* done = std::get_if<PromptPhaseDone>(&route.what)) {
    send_to(route.router, wire::RouteNews{done->request, done->attempt, false, 0});
  } else {
    const auto& left = std::get<RequestLeft>(route.what);
    send_to(route.router, wire::RouteNews{left.request, left.attempt, true, left.generated});
  }
}

void Neighbours::on(AnswerElsewhere& answer) {
  if (auto* routed = std::get_if<Routed>(&answer.what)) {
    send_to(answer.home, wire::RouteAnswer{routed->request, routed->attempt, routed->prompt_machine,
                                           routed->token_machine, *routed->why});
  } else if (auto* refused = std::get_if<RouteRefused>(&answer.what)) {
    auto& known = peers_.at(answer.home).routed;
    if (const auto its = known.find(refused->request); its != known.end() && its->second == refused->attempt)
      known.erase(its);
    send_to(answer.home, wire::RouteAnswer{refused->request, refused->attempt, {}, {}, std::move(refused->error)});
  } else {
    const auto& lost = std::get<MachineLost>(answer.what);
    send_to(answer.home, wire::RouteLost{lost.request, lost.attempt, lost.machine});
  }
}

// Asked by other nodes.

void Neighbours::handle(NodeId from, wire::RouteAsk& ask) {
  auto& peer = peers_.at(from);
  if (!options_.router || (peer.routed.size() >= kMostRouted && !peer.routed.contains(ask.request))) {
    const Error why{ErrorCode::kUnavailable, options_.router ? "The router knows of too many requests of this node."
                                                             : "The node that was asked for machines does not route."};
    if (!ask.placed) send_to(from, wire::RouteAnswer{ask.request, ask.attempt, {}, {}, why});
    return;
  }
  peer.routed[ask.request] = ask.attempt;
  RouteRequest request{ask.request, ask.prompt_tokens, ask.max_tokens,
                       ask.attempt, peer.dispatcher,   std::move(ask.avoid)};
  if (ask.placed) {
    send(options_.router, AdoptRequest{std::move(request), ask.placed->prompt_machine, ask.placed->token_machine,
                                       ask.placed->prompt_done});
  } else {
    send(options_.router, std::move(request));
  }
}

void Neighbours::handle(NodeId from, const wire::RouteNews& news) {
  auto& routed = peers_.at(from).routed;
  const auto known = routed.find(news.request);
  if (known == routed.end() || known->second != news.attempt) return;
  if (news.left) {
    routed.erase(known);
    send(options_.router, RequestLeft{news.request, news.attempt, news.generated});
  } else {
    send(options_.router, PromptPhaseDone{news.request, news.attempt});
  }
}

void Neighbours::handle(NodeId from, wire::RouteAnswer& answer) {
  if (!options_.dispatcher) return;
  if (auto* why = std::get_if<Error>(&answer.what)) {
    send(options_.dispatcher, RouteRefused{answer.request, answer.attempt, std::move(*why)});
    return;
  }
  const auto* prompt = machine(answer.prompt_machine);
  const auto* token = machine(answer.token_machine);
  if (prompt == nullptr || token == nullptr) {
    rare(Rare::kUnknownMachineChosen);
    send_to(from, wire::RouteNews{answer.request, answer.attempt, true, 0});
    send(options_.dispatcher,
         RouteRefused{answer.request,
                      answer.attempt,
                      {ErrorCode::kUnavailable, "The router chose a machine that this node is not connected to."}});
    return;
  }
  // KV travels between nodes: two machines of this one do not split a request.
  if (prompt->pool && token->pool) prompt = token;
  send(options_.dispatcher,
       Routed{answer.request, answer.attempt, prompt->machine, token->machine, prompt->prompt, token->token,
              std::make_shared<const policies::RoutingDecision>(
                  std::get<policies::RoutingDecision>(std::move(answer.what)))});
}

void Neighbours::handle(NodeId, const wire::RouteLost& lost) {
  if (options_.dispatcher) send(options_.dispatcher, MachineLost{lost.request, lost.attempt, lost.machine});
}

}  // namespace troupe
