// What a node tells the others about how to reach it: opaque bytes that the control plane carries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace troupe::link {

/// Slots that the node allocated for one sender's pieces (ucx_ring.hpp). Without slots: none are offered.
struct RingOffer {
  std::string key = {};    ///< UCX's, packed
  std::uint64_t base = 0;  ///< the address at the node of a page that begins with `id`; slots follow
  std::uint64_t id = 0;    ///< drawn at random
  std::uint32_t slots = 0;
  std::uint64_t slot_bytes = 0;
};

struct NodeAddress {
  std::uint64_t link_id = 0;
  bool checksums = true;
  bool loopback = true;            ///< tcp is reachable from nodes of the same network namespace only
  std::string host = {};           ///< equal on two nodes that can reach each other through shared memory
  std::string network = {};        ///< equal on two nodes that share a loopback device
  std::string shared_memory = {};  ///< in a word the worker's address, or empty; else not empty where it is offered
  std::string tcp = {};
  RingOffer ring = {};  ///< in a word
};

std::string encode(const NodeAddress& address);
/// kInvalidInput for what is cut, damaged, too long or of another version.
Result<NodeAddress> decode_address(std::string_view bytes);

/// This host as shared memory sees it: the kernel's boot id, the file system of /dev/shm, the pid and user namespaces
/// and the user. Two containers of one machine differ in it unless they share all of these.
std::string host_identity();
/// The boot id and the network namespace.
std::string network_identity();

}  // namespace troupe::link
