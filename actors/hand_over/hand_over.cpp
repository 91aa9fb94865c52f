#include "actors/hand_over/hand_over.hpp"

#include <algorithm>
#include <vector>

#include <caf/send.hpp>

#include "actors/kv_sender/kv_sender.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

HandOver::HandOver(caf::actor_config& config, HandOverOptions options) : Actor(config), options_(std::move(options)) {}

HandOverActor::behavior_type HandOver::make_behavior() {
  auto self = options_.link->add_peer(options_.link->address());
  CHECK(self.ok(), self.error().message);
  self_ = *self;
  return {
      [this](MachineJoined& joined) { on(joined); },    [this](const MachineLeft& left) { on(left); },
      [this](RunPromptElsewhere& run) { on(run); },     [this](const CancelPromptElsewhere& cancel) { on(cancel); },
      [this](const LandingEnded& ended) { on(ended); }, [this](const LandingDue& due) { on(due); },
      [this](const KvSendEnded& ended) { on(ended); },  [this](const LinkProbed& probed) { on(probed); },
  };
}

void HandOver::on_exit() {
  for (const auto& [id, machine] : machines_) caf::anon_send_exit(machine.sender, caf::exit_reason::user_shutdown);
  machines_.clear();
  landings_.clear();
  tickets_.clear();
  options_ = {};  // with the link, whose pushes under way hold senders
}

void HandOver::on(MachineJoined& joined) {
  CHECK(joined.near_slab.has_value(), joined.name);
  auto& machine = machines_[joined.machine];
  machine.what = std::move(joined);
  const auto& what = machine.what;
  machine.sender = spawn<KvSender>(
      KvSenderMachine{what.prompt, what.pool, *what.near_slab, static_cast<std::int32_t>(what.kv.layers),
                      static_cast<std::int32_t>(what.kv.blocks)},
      options_.link, KvReceiverActor{HandOverActor{this}});
  tell_way(machine);
  if (machines_.size() < 2 || std::exchange(probing_, true)) return;
  options_.link->probe(
      self_, [self = caf::weak_actor_ptr(ctrl()), node = options_.node, peer = self_](Result<link::Probe> how) {
        if (const auto strong = caf::actor_cast<HandOverActor>(self.lock()))
          caf::anon_send(strong, LinkProbed{node, peer, std::make_shared<const Result<link::Probe>>(std::move(how))});
      });
}

void HandOver::on(const LinkProbed& probed) {
  if (!probed.how->ok()) return;
  way_ = probed.how->value();
  // A modelled link may take no time; what is told of it is a finite number.
  way_->bytes_per_second = std::min(way_->bytes_per_second, 1e18);
  for (const auto& [id, machine] : machines_) tell_way(machine);
  if (options_.router)
    send(options_.router, LinkMeasured{options_.node, options_.node, way_->round_trip, way_->bytes_per_second});
}

void HandOver::tell_way(const Machine& machine) {
  if (!way_) return;
  const auto from = layerwise_from(*way_, machine.what.kv_token_bytes(), machine.what.layer_groups);
  send(machine.sender, PushLayersFrom{options_.node, from});
}

void HandOver::on(const MachineLeft& left) {
  const auto machine = machines_.find(left.machine);
  if (machine == machines_.end()) return;
  send_exit(machine->second.sender, caf::exit_reason::user_shutdown);
  machines_.erase(machine);
  for (const auto& [ticket, landing] : landings_) {
    if (landing.to == left.machine) stop_sender(landing);
    if (landing.to != left.machine && landing.from != left.machine) continue;
    rare(Rare::kNearMachineLeft);
    options_.link->close_landing(ticket);
  }
}

void HandOver::on(RunPromptElsewhere& run) {
  auto& what = run.what;
  const RequestId id = what.spec->id;
  const auto from = machines_.find(run.machine);
  const auto to = machines_.find(what.token_machine);
  if (from == machines_.end() || to == machines_.end()) {
    send(
        what.request,
        RequestFailed{id, what.attempt, {ErrorCode::kUnavailable, "The machine that was to run the prompt has left."}});
    send(what.token, PromptCancelled{id, what.attempt});
    return;
  }
  // The blocks may reach further, for tokens to come; what travels is what the prompt fills.
  const auto tokens = static_cast<std::int64_t>(what.spec->prompt.size() + what.generated.size());
  const auto filled = static_cast<std::size_t>((tokens + kernels::kBlockPositions - 1) / kernels::kBlockPositions);
  what.blocks.resize(std::min(what.blocks.size(), filled));
  // Tickets never leave the process, so they need only differ.
  ++drawn_;
  const Ticket ticket{mix64(drawn_), drawn_};
  landings_[ticket] = Landing{run.machine, what.token_machine, id, what.attempt, what.token, what.request};
  tickets_[{id, what.attempt}] = ticket;
  link::Landing landing{ticket, self_, *to->second.what.near_slab, {}};
  for (const auto& life : what.blocks) landing.blocks.push_back(life.block);
  const auto blocks = static_cast<std::int32_t>(what.blocks.size());
  send(to->second.what.pool, AdvertiseBlocks{std::move(what.blocks)});
  options_.link->open_landing(std::move(landing), [self = caf::weak_actor_ptr(ctrl()), id, ticket](auto how) {
    if (const auto strong = caf::actor_cast<HandOverActor>(self.lock()))
      caf::anon_send(strong, LandingEnded{id, ticket, std::make_shared<const Result<link::Arrival>>(std::move(how))});
  });
  send(from->second.sender, SendKv{what.spec, what.attempt, std::move(what.generated), ticket, blocks, options_.node,
                                   self_, what.token_machine, what.request});
}

void HandOver::on(const CancelPromptElsewhere& cancel) {
  const auto ticket = tickets_.find({cancel.what.request, cancel.what.attempt});
  if (ticket == tickets_.end()) {
    send(cancel.client, PromptCancelled{cancel.what.request, cancel.what.attempt});
    return;
  }
  auto& landing = landings_.at(ticket->second);
  rare(Rare::kNearCancelled);
  landing.cancelled = true;
  stop_sender(landing);
  options_.link->close_landing(ticket->second);
}

void HandOver::stop_sender(const Landing& landing) {
  if (const auto from = machines_.find(landing.from); from != machines_.end())
    send(from->second.sender, StopKv{landing.request, landing.attempt});
}

void HandOver::on(const LandingEnded& ended) {
  const auto found = landings_.find(ended.ticket);
  if (found == landings_.end()) return;
  const Landing landing = std::move(found->second);
  landings_.erase(found);
  tickets_.erase({landing.request, landing.attempt});
  std::string why;
  if (ended.how->ok()) {
    const auto token = first_token_in((*ended.how)->note);
    if (token.ok()) {
      if (options_.carried) options_.carried(landing.request, **ended.how);
      send(landing.client, PromptCommitted{landing.request, landing.attempt, *token, 0});
      return;
    }
    why = token.error().message;
  } else {
    why = ended.how->error().message;
  }
  rare(Rare::kNearLandingFailed, !landing.cancelled);
  if (!landing.cancelled) {
    stop_sender(landing);
    send(landing.progress,
         RequestFailed{
             landing.request, landing.attempt, {ErrorCode::kUnavailable, "The prompt's KV did not arrive: " + why}});
  }
  send(landing.client, PromptCancelled{landing.request, landing.attempt});
}

void HandOver::on(const KvSendEnded& ended) {
  if (!landings_.contains(ended.ticket)) return;
  if (ended.complete) {
    delayed_send(HandOverActor{this}, options_.silence, LandingDue{ended.ticket});
  } else {
    options_.link->close_landing(ended.ticket);
  }
}

void HandOver::on(const LandingDue& due) {
  if (landings_.contains(due.ticket)) options_.link->close_landing(due.ticket);
}

}  // namespace troupe
