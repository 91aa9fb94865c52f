// A machine in the exact mode: messages around MachineRules.
// Owns: its rules, and the KV that waits here to be sent. Promises: everything that follows from one event is said in
// the order in which the authors' simulator does it, so that events of one instant keep their order. Refuses: KV for
// which it has no room (the sender offers it again).
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "actors/splitwise_sim/machine_rules.hpp"
#include "actors/splitwise_sim/messages.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe::splitwise_sim {

class Machine final : public exec::Actor<MachineActor::base> {
 public:
  Machine(caf::actor_config& config, std::shared_ptr<Cast> cast, MachineIndex self, MachineRules rules);
  const char* name() const override { return "machine"; }

 protected:
  MachineActor::behavior_type make_behavior() override;
  void on_exit() override { cast_.reset(); }

 private:
  /// A request whose prompt ran, or will run, here.
  struct PromptHere {
    RequestFacts facts;
    MachineIndex token_machine = 0;
    double started = 0;
    double ended = 0;
  };
  /// A request whose tokens are made here.
  struct TokensHere {
    double prompt_done = 0;
    double transferred = 0;
    double started = 0;
  };
  struct Offer {
    RequestIndex request = 0;
    std::optional<bool> taken;
  };

  void on(const EventDue& due);
  void on(const ServeRequest& serve);
  void on(const OfferKv& offer);
  void on(const KvAnswered& answer);
  void on(const SubmitTokens& submit);
  void on(const TokensSubmitted& submitted);
  void close_books();

  void end_run();
  void prompt_ended(const MachineRules::TaskNews& news);
  void tokens_ended(const MachineRules::TaskNews& news);
  void offer(RequestIndex request);
  void kv_sent(RequestIndex request);
  /// Says what the rules have decided since: run ends to the timeline, and to the cluster what it ranks machines by.
  void tell();
  void remember();

  std::shared_ptr<Cast> cast_;
  MachineIndex self_;
  MachineRules rules_;
  double at_ = 0;  // of the event that is being handled
  std::unordered_map<RequestIndex, PromptHere> prompts_;
  std::unordered_map<RequestIndex, TokensHere> tokens_;
  std::vector<Offer> offers_;  // in their order, until all are answered
  bool ending_run_ = false;    // the next run waits for the answers
  MachineReport report_;
  Stretch now_;  // what is in hand since its `from`
  MachineHistory history_;
};

}  // namespace troupe::splitwise_sim
