#include "actors/neighbours/middleman.hpp"

#include <set>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

namespace troupe {
namespace {

/// One attempt to reach a node.
class Dial final : public caf::event_based_actor {
 public:
  Dial(caf::actor_config& config, NodeId node, ControlAddress address, NeighboursActor reply_to)
      : event_based_actor(config), node_(node), address_(std::move(address)), reply_to_(std::move(reply_to)) {}
  const char* name() const override { return "dial"; }

 protected:
  caf::behavior make_behavior() override {
    request(home_system().middleman().actor_handle(), caf::infinite, caf::connect_atom::value, address_.host,
            address_.port)
        .then(
            [this](caf::node_id&, caf::strong_actor_ptr& actor, std::set<std::string>&) {
              const auto peer = caf::actor_cast<FrameActor>(actor);
              tell({node_, peer, peer ? "" : "nothing is published there"});
            },
            [this](caf::error& error) {
              tell({node_, FrameActor{}, home_system().render(error)});
            });
    return {};
  }

 private:
  void tell(DialResult result) {
    caf::anon_send(reply_to_, std::move(result));
    reply_to_ = nullptr;
    quit();
  }

  NodeId node_;
  ControlAddress address_;
  NeighboursActor reply_to_;
};

class MiddlemanDialler final : public Dialler {
 public:
  MiddlemanDialler(caf::actor_system& system, std::vector<ControlAddress> addresses)
      : system_(system), addresses_(std::move(addresses)) {}
  void dial(NodeId node, const NeighboursActor& reply_to) override {
    system_.spawn<Dial>(node, addresses_.at(node.value), reply_to);
  }

 private:
  caf::actor_system& system_;
  std::vector<ControlAddress> addresses_;
};

}  // namespace

ClusterActorsConfig::ClusterActorsConfig() {
  add_message_type<WireFrame>("troupe::WireFrame");
  load<caf::io::middleman>();
}

std::shared_ptr<Dialler> middleman_dialler(caf::actor_system& system, std::vector<ControlAddress> addresses) {
  return std::make_shared<MiddlemanDialler>(system, std::move(addresses));
}

Result<void> publish(caf::actor_system& system, const NeighboursActor& neighbours, const ControlAddress& address) {
  const auto port = system.middleman().publish(neighbours, address.port, address.host.c_str(), true);
  if (port) return {};
  return Error{ErrorCode::kUnavailable, "Control port " + std::to_string(address.port) + " of " + address.host +
                                            " cannot be listened on (" + system.render(port.error()) +
                                            "). Is a node running there already? Choose another control_port."};
}

}  // namespace troupe
