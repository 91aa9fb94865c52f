// Slots of shared memory between two nodes of one host: UCX allocates them at the receiver, the sender puts pieces into
// them through UCX's pointer to the same pages.
//
// A ring belongs to one pair and one direction and is never handed on. Its pages live as long as either side maps them:
// what a peer that was given up writes when it wakes lands in pages that nobody reads any more. So the receiver lets go
// of a ring at once when it drops the peer, whatever the peer does.
#pragma once

#include <ucp/api/ucp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/link/node_address.hpp"
#include "runtime/link/ucx_worker.hpp"

namespace troupe::link {

/// 4 MiB a peer: with 256 KiB a slot the receiver copies one out while the sender fills the next, from cache to cache.
inline constexpr std::uint32_t kSlots = 16;
inline constexpr std::size_t kSlotBytes = 256 * 1024;
/// In front of the slots: the ring's id, by which the sender knows that it has the pages which were meant. (UCX finds
/// them by process and file descriptor, which may be another ring's by now where the offer is an old one.)
inline constexpr std::size_t kRingHeadBytes = 4096;
/// What another node may offer.
inline constexpr std::uint32_t kMostSlots = 64;
inline constexpr std::size_t kMostSlotBytes = 16 * 1024 * 1024;

/// The receiver's side. Goes before its worker.
class UcxRing {
 public:
  /// kUnavailable where there is no shared memory left.
  static Result<std::unique_ptr<UcxRing>> allocate(const UcxWorker& worker);
  ~UcxRing();
  UcxRing(const UcxRing&) = delete;
  UcxRing& operator=(const UcxRing&) = delete;

  const RingOffer& offer() const { return offer_; }
  std::uint32_t slots() const { return kSlots; }
  std::span<const std::byte> slot(std::uint32_t index) const {
    return {base_ + kRingHeadBytes + index * kSlotBytes, kSlotBytes};
  }

 private:
  explicit UcxRing(ucp_context_h context) : context_(context) {}

  ucp_context_h context_;
  ucp_mem_h memory_ = nullptr;
  std::byte* base_ = nullptr;
  RingOffer offer_;
};

/// The sender's side. Goes before its worker.
class UcxRemoteRing {
 public:
  /// Errors: kInvalidInput where the offer is none, kUnavailable where its memory cannot be reached or is not as large
  /// as offered. Every page of it has been written once when this returns.
  static Result<std::unique_ptr<UcxRemoteRing>> attach(ucp_ep_h endpoint, const RingOffer& offer);
  ~UcxRemoteRing();
  UcxRemoteRing(const UcxRemoteRing&) = delete;
  UcxRemoteRing& operator=(const UcxRemoteRing&) = delete;

  std::uint32_t slots() const { return slots_; }
  std::size_t slot_bytes() const { return slot_bytes_; }
  std::span<std::byte> slot(std::uint32_t index) { return {base_ + kRingHeadBytes + index * slot_bytes_, slot_bytes_}; }

 private:
  UcxRemoteRing(std::uint32_t slots, std::size_t slot_bytes) : slots_(slots), slot_bytes_(slot_bytes) {}

  const std::uint32_t slots_;
  const std::size_t slot_bytes_;
  ucp_rkey_h key_ = nullptr;
  std::byte* base_ = nullptr;
};

}  // namespace troupe::link
