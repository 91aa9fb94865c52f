// Prompts that one machine of a node runs for another machine of the same node, and the way of their KV between them.
// Owns: a KV sender for each machine; the open landings. Promises: the token actor hears PromptCommitted when all KV is
// in its blocks, or PromptCancelled when nothing writes them any more, whichever of the two machines fails, and the
// request hears why. Refuses: a prompt for or on a machine that has left.
//
// What the neighbours actor is between nodes, without sessions and frames: both machines' actors are at hand.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "actors/messages/neighbours.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

struct HandOverOptions {
  NodeId node;                       ///< this one, by which what travels within it is known
  std::shared_ptr<link::Link> link;  ///< between the slabs of this node's machines; may be its own peer
  RouterActor router;                ///< told how fast the link is; may be none
  /// Told of each prompt's KV that has arrived; may be empty.
  std::function<void(RequestId, const link::Arrival&)> carried = {};
  /// A landing that is still open so long after all was sent has lost something on the way.
  std::chrono::nanoseconds silence = std::chrono::seconds{1};
};

class HandOver final : public exec::Actor<HandOverActor::base> {
 public:
  HandOver(caf::actor_config& config, HandOverOptions options);
  const char* name() const override { return "hand_over"; }

 protected:
  HandOverActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  struct Machine {
    MachineJoined what;
    KvSenderActor sender;
  };
  struct Landing {
    MachineId from;
    MachineId to;
    RequestId request;
    Attempt attempt = 0;
    PromptClientActor client;
    ProgressActor progress;
    bool cancelled = false;  // the client wants it no more
  };

  void on(MachineJoined& joined);
  void on(const MachineLeft& left);
  void on(RunPromptElsewhere& run);
  void on(const CancelPromptElsewhere& cancel);
  void on(const LandingEnded& ended);
  void on(const LandingDue& due);
  void on(const KvSendEnded& ended);
  void on(const LinkProbed& probed);
  void stop_sender(const Landing& landing);
  void tell_way(const Machine& machine);

  HandOverOptions options_;
  link::PeerId self_;  // this node, as its own link knows it
  std::optional<link::Probe> way_;
  bool probing_ = false;
  std::map<MachineId, Machine> machines_;
  std::unordered_map<Ticket, Landing> landings_;
  std::map<std::pair<RequestId, Attempt>, Ticket> tickets_;  // of landings_
  std::uint64_t drawn_ = 0;
};

}  // namespace troupe
