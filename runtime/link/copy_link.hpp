// A link between the slabs of one process: pieces are copied from slab to slab on a thread of the link's own, so that
// no actor waits for them. Its only peer is itself: add_peer(address()).
//
// What it refuses, and when a transfer ends, is the local link's code. Pieces have no checksums: no wire damages them,
// and a sender that wrote its blocks too early would be this process's own bug, which other links' tests look for.
#pragma once

#include <memory>

#include "runtime/link/link.hpp"

namespace troupe::link {

/// add_slab() and add_peer() wait for the thread, which is idle when a node starts; all else returns at once. Callbacks
/// run on the link's thread. Destroying it ends what is under way, as the local link does.
std::unique_ptr<Link> start_copy_link();

}  // namespace troupe::link
