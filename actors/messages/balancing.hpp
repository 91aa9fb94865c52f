// What the balancer is told, and what it asks the role policy; see actors/balancer.
#pragma once

#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "actors/policies/role_policy.hpp"

namespace troupe {

struct BalancerTick;
struct BalancerActive;
struct DecideRoles;
struct RolesDecided;

/// Changes what machines are for, as their load changes.
using BalancerActor = caf::typed_actor<caf::reacts_to<BalancerTick>, caf::reacts_to<BalancerActive>>;

/// Wraps a role policy: snapshot in, changes and reasons out.
using RolePolicyActor = caf::typed_actor<caf::replies_to<DecideRoles>::with<RolesDecided>>;

/// From the balancer to itself: look again.
struct BalancerTick {};

/// Command: whether this node's balancer is the one that acts, which it is where this node's router assigns requests.
struct BalancerActive {
  bool active = true;
};

/// Question: which machines should be for something else?
struct DecideRoles {
  policies::RoleSnapshot snapshot;
};
struct RolesDecided {
  std::vector<policies::RoleChange> changes;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BalancerTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BalancerActive)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::DecideRoles)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RolesDecided)
