// The link's counters, written by its thread and read by any.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/link/link.hpp"

namespace troupe::link {

struct SharedCounters {
  std::atomic<std::uint64_t> bytes_sent = 0;
  std::atomic<std::uint64_t> bytes_received = 0;
  std::atomic<std::uint64_t> pieces_refused = 0;
  std::atomic<std::uint64_t> checksum_failures = 0;

  Counters read() const { return {bytes_sent, bytes_received, pieces_refused, checksum_failures}; }
};

}  // namespace troupe::link
