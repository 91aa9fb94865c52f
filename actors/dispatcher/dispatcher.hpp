// Speaks for the router to the requests of one node.
// Owns: what this node's requests asked and were given. Promises: a request is answered once an attempt, whichever
// node's router answers; when another router takes over, it learns of every request here, and those that wait are asked
// for anew; requests are told when their token machine leaves, whether a router is there to say so or not. Refuses:
// when no router, or none that knows of a machine, has been there for kMostAsks pauses.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <unordered_map>

#include "actors/messages/routing.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class Dispatcher final : public exec::Actor<DispatcherActor::base> {
 public:
  /// A refusal that may pass (no router, a router that knows no machine yet) is asked again this often before a request
  /// hears of it, as long as this node sees machines or did a moment ago: one that only stalled meets them again.
  static constexpr int kMostAsks = 30;
  static constexpr std::chrono::milliseconds kPause{100};

  explicit Dispatcher(caf::actor_config& config) : Actor(config) {}
  const char* name() const override { return "dispatcher"; }

 protected:
  DispatcherActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  struct Entry {
    RouteRequest what;
    int asks = 0;
    bool routed = false;
    MachineId prompt_machine;
    MachineId token_machine;
    bool prompt_done = false;
  };

  Entry* entry(RequestId request, Attempt attempt);
  void ask(Entry& entry);
  /// Asks again after a pause; or tells the request, where that was done often enough.
  void refused(Entry& entry, Error error);
  void on(const RouterChanged& changed);
  void on(const MachineLeft& left);
  /// As the router is asked: it answers this actor.
  RouteRequest asked(const Entry& entry);

  RoutesActor router_;  // none: nobody routes
  std::set<MachineId> machines_;
  std::optional<TimePoint> last_left_;  // one of them
  std::unordered_map<RequestId, Entry> entries_;
};

}  // namespace troupe
