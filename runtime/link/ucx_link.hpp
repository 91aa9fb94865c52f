// The link over UCX: shared memory between nodes of one host, tcp between hosts. One thread of its own, which sleeps
// when nothing travels; callbacks run on it.
//
// UCX neither authenticates nor encrypts: who connects to the tcp port hands UCX bytes to parse, so that it is shut but
// for a few seconds when a peer is to be reached by tcp (tcp_door.hpp); peers of one host meet by words (on_word). It
// listens on loopback unless a device is named, which should be one of a network that only the cluster's nodes share.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/link/link.hpp"

namespace troupe::link {

struct UcxOptions {
  bool shared_memory = true;          ///< pieces to peers on this host may go through shared memory
  std::string tcp_device = "lo";      ///< the network device to listen on; "lo" reaches this host only
  bool checksums = true;              ///< XXH3-64 over each piece; equal on all nodes of a cluster
  std::size_t piece_bytes = 1 << 20;  ///< a push is cut into messages of about this size; 64 KiB to 16 MiB
};

/// Errors: kConfig where piece_bytes is out of range, kUnavailable where UCX cannot set
/// a transport up (its device does not exist).
Result<std::unique_ptr<Link>> start_ucx_link(UcxOptions options);

}  // namespace troupe::link
