// Hands CAF's middleman the connections that came through the gate, as what it would have accepted or dialled itself.
// CAF reads them through CafFrames, so that no header reaches it that two nodes of Troupe do not send. How CAF wants to
// be given connections was read in its 0.17.6: a broker named BASP takes doormen and scribes by message, as CAF's own
// TLS module does it.
#pragma once

#include <functional>
#include <memory>

#include <caf/actor.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>

#include "runtime/base/result.hpp"
#include "runtime/control/gate.hpp"

namespace troupe::control {

/// A node's end of all its control connections. Must go before the actor system does.
class CafPort {
 public:
  /// `system` must have loaded the middleman.
  CafPort(caf::actor_system& system, GateOptions options);
  ~CafPort();

  /// Whoever comes through the gate at `endpoint` finds `actor` there.
  Result<std::uint16_t> publish(const Endpoint& endpoint, const caf::strong_actor_ptr& actor);

  /// The actor that is published there, or why there is none. `done` is called exactly once, from another thread, as
  /// long as the system lives.
  using Reached = std::function<void(Result<caf::strong_actor_ptr>)>;
  void dial(const Endpoint& endpoint, const std::string& node, Reached done);

 private:
  caf::actor_system& system_;
  caf::actor broker_;
  std::shared_ptr<Refusals> refusals_;
  Gate gate_;
};

}  // namespace troupe::control
