// What the balancer is told; see actors/balancer.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

namespace troupe {

struct BalancerTick;
struct BalancerActive;

/// Changes what machines are for, as their load changes.
using BalancerActor = caf::typed_actor<caf::reacts_to<BalancerTick>, caf::reacts_to<BalancerActive>>;

/// From the balancer to itself: look again.
struct BalancerTick {};

/// Command: whether this node's balancer is the one that acts, which it is where this node's router assigns requests.
struct BalancerActive {
  bool active = true;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BalancerTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BalancerActive)
