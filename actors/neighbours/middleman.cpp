#include "actors/neighbours/middleman.hpp"

#include <utility>

#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

namespace troupe {
namespace {

class MiddlemanDialler final : public Dialler {
 public:
  MiddlemanDialler(std::weak_ptr<control::CafPort> port, std::vector<ControlAddress> addresses)
      : port_(std::move(port)), addresses_(std::move(addresses)) {}

  void dial(NodeId node, const NeighboursActor& reply_to) override {
    const auto port = port_.lock();
    const ControlAddress& address = addresses_.at(node.value);
    if (!port) {
      caf::anon_send(reply_to, DialResult{node, FrameActor{}, "this node is stopping"});
      return;
    }
    port->dial(address.endpoint, address.node, [node, reply_to](Result<caf::strong_actor_ptr> reached) {
      DialResult result{node, FrameActor{}, reached.ok() ? "" : reached.error().message};
      if (reached.ok()) result.peer = caf::actor_cast<FrameActor>(*reached);
      caf::anon_send(reply_to, std::move(result));
    });
  }

 private:
  std::weak_ptr<control::CafPort> port_;
  std::vector<ControlAddress> addresses_;
};

}  // namespace

ClusterActorsConfig::ClusterActorsConfig() {
  add_message_type<WireFrame>("troupe::WireFrame");
  load<caf::io::middleman>();
}

std::shared_ptr<Dialler> middleman_dialler(std::weak_ptr<control::CafPort> port,
                                           std::vector<ControlAddress> addresses) {
  return std::make_shared<MiddlemanDialler>(std::move(port), std::move(addresses));
}

Result<void> publish(control::CafPort& port, const NeighboursActor& neighbours, const ControlAddress& address) {
  TRY_VOID(port.publish(address.endpoint, caf::actor_cast<caf::strong_actor_ptr>(neighbours)));
  return {};
}

}  // namespace troupe
