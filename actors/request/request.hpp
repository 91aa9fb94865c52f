// One completion, from arrival to its one end.
// Owns: the prompt, the tokens so far, the text that is held back, and which machines serve it. Promises: the requester
// hears RequestEnded exactly once; token indices are contiguous whatever machine they come from; when a machine is lost
// the request moves, with what it has.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "actors/messages/routing.hpp"
#include "actors/request/stop_strings.hpp"
#include "runtime/exec/actor.hpp"
#include "runtime/model/tokenizer/tokenizer.hpp"

namespace troupe {

/// Whom a request works with.
struct RequestPeers {
  RouteDeskActor router;
  DeadlinesActor deadlines;
  std::shared_ptr<const model::Tokenizer> tokenizer;
};

class Request final : public exec::Actor<RequestActor::base> {
 public:
  /// Machines may be lost this often before the request gives up: with the pauses some 10 s in all, in which a node
  /// that died is started again.
  static constexpr Attempt kMaxAttempts = 16;
  /// The second attempt begins at once; the third after this time, each later one after twice as long, up to the most.
  static constexpr std::chrono::milliseconds kFirstPause{25};
  static constexpr std::chrono::milliseconds kMostPause{1000};
  /// The first token and the later ones come from two machines; the first may be this late before it counts as lost.
  static constexpr std::chrono::milliseconds kGapPatience{500};

  Request(caf::actor_config& config, std::shared_ptr<const RequestSpec> spec, RequesterActor requester,
          RequestPeers peers);
  const char* name() const override { return "request"; }

 protected:
  RequestActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  void route();
  void on(Routed& routed);
  void on(TokenProduced& produced);
  void on(const RequestFailed& failed);
  void on(const RequestReleased& released);
  void on(RouteRefused& refused);
  void on(const GapDue& due);
  void take(TokenProduced& produced);
  /// The next token is missing although later ones, or the end, are here.
  void await_missing();
  /// Tells the router, once, that the present attempt does not count any more.
  void leave();
  /// Leaves the machines that serve the present attempt and asks for others.
  void move();
  /// Asks for machines once more, after a pause where this is not the first time.
  void try_again();
  /// The machine that failed the present attempt is not to be chosen for the next ones.
  void blame_prompt_machine();
  /// Tells the requester that it is over. What machines still hold is asked back.
  void end(FinishReason reason, std::variant<std::monostate, std::string, TokenId> stop_reason,
           std::optional<Error> error);
  void cancel(FinishReason reason, std::optional<Error> error);
  void quit_when_free();

  std::shared_ptr<const RequestSpec> spec_;
  RequesterActor requester_;
  RequestPeers peers_;
  model::StreamDetokenizer detokenizer_;
  StopStrings stops_;

  Attempt attempt_ = 0;
  bool routing_ = false;      // the router owes an answer
  bool counted_ = false;      // the router counts the present attempt on its machines
  TokenActor token_;          // serves the present attempt; none while routing and when all is given back
  MachineId prompt_machine_;  // of the present attempt
  MachineId token_machine_;
  std::vector<MachineId> avoid_;
  bool leaving_ = false;  // the token actor was asked to let go
  bool move_when_free_ = false;
  bool prompt_scored_ = false;
  Attempt told_prompt_done_ = -1;  // the attempt of which the router knows that its prompt has run
  bool ended_ = false;
  std::vector<TokenId> generated_;
  std::size_t generated_before_ = 0;             // of them, by earlier attempts
  std::map<std::int32_t, TokenProduced> early_;  // tokens that overtook an earlier one
};

}  // namespace troupe
