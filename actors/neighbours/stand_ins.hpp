// Actors that stand for another node's: to the actors of this node they are the prompt actor, the token actor or the
// requests of that node. They keep nothing but who they stand for; the neighbours actor does the work.
#pragma once

#include <utility>
#include <vector>

#include "actors/messages/neighbours.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

/// The token actor of another node's machine.
class RemoteToken final : public exec::Actor<TokenActor::base> {
 public:
  RemoteToken(caf::actor_config& config, MachineId machine, NeighboursActor neighbours)
      : Actor(config), machine_(machine), neighbours_(std::move(neighbours)) {}
  const char* name() const override { return "remote_token"; }

 protected:
  TokenActor::behavior_type make_behavior() override;
  void on_exit() override { neighbours_ = nullptr; }

 private:
  MachineId machine_;
  NeighboursActor neighbours_;
};

/// The prompt actor of another node's machine.
class RemotePrompt final : public exec::Actor<PromptActor::base> {
 public:
  RemotePrompt(caf::actor_config& config, MachineId machine, NeighboursActor neighbours)
      : Actor(config), machine_(machine), neighbours_(std::move(neighbours)) {}
  const char* name() const override { return "remote_prompt"; }

 protected:
  PromptActor::behavior_type make_behavior() override;
  void on_exit() override { neighbours_ = nullptr; }

 private:
  MachineId machine_;
  NeighboursActor neighbours_;
};

/// Another node's router, to the dispatcher of this one.
class RemoteRouter final : public exec::Actor<RoutesActor::base> {
 public:
  RemoteRouter(caf::actor_config& config, NodeId node, NeighboursActor neighbours)
      : Actor(config), node_(node), neighbours_(std::move(neighbours)) {}
  const char* name() const override { return "remote_router"; }

 protected:
  RoutesActor::behavior_type make_behavior() override;
  void on_exit() override { neighbours_ = nullptr; }

 private:
  NodeId node_;
  NeighboursActor neighbours_;
};

/// Another node's dispatcher, to the router of this one.
class RemoteDispatcher final : public exec::Actor<RoutedActor::base> {
 public:
  RemoteDispatcher(caf::actor_config& config, NodeId home, NeighboursActor neighbours)
      : Actor(config), home_(home), neighbours_(std::move(neighbours)) {}
  const char* name() const override { return "remote_dispatcher"; }

 protected:
  RoutedActor::behavior_type make_behavior() override;
  void on_exit() override { neighbours_ = nullptr; }

 private:
  NodeId home_;
  NeighboursActor neighbours_;
};

/// All requests whose actors live on another node. Collects what one step says of them into one message.
class RemoteRequests final : public exec::Actor<ProgressActor::extend<caf::reacts_to<FlushNews>>::base> {
 public:
  using Handle = ProgressActor::extend<caf::reacts_to<FlushNews>>;
  RemoteRequests(caf::actor_config& config, NodeId home, NeighboursActor neighbours)
      : Actor(config), home_(home), neighbours_(std::move(neighbours)) {}
  const char* name() const override { return "remote_requests"; }

 protected:
  Handle::behavior_type make_behavior() override;
  void on_exit() override { neighbours_ = nullptr; }

 private:
  void collect(RequestNews news);

  NodeId home_;
  NeighboursActor neighbours_;
  std::vector<RequestNews> news_;
};

}  // namespace troupe
