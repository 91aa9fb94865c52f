#include "runtime/link/ucx_ring.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <limits>
#include <string_view>

#include "runtime/base/file.hpp"
#include "runtime/base/random.hpp"

namespace troupe::link {
namespace {

Error unavailable(const std::string& what, ucs_status_t status) {
  return {ErrorCode::kUnavailable, "UCX: " + what + ": " + ucs_status_string(status)};
}

/// Whether [begin, begin + length) lies in one mapping that is shared with another process and may be written. What an
/// offer says of its address is the peer's word; UCX computes with it and does not look.
bool is_shared_mapping(const std::byte* begin, std::size_t length) {
  constexpr std::size_t kMostMaps = 16 * 1024 * 1024;
  const auto maps = read_file("/proc/self/maps", kMostMaps);
  if (!maps.ok()) return false;
  const auto first = reinterpret_cast<std::uintptr_t>(begin);
  std::string_view rest = maps.value();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    const char* const end = line.data() + line.size();
    const auto dash = std::from_chars(line.data(), end, from, 16);
    if (dash.ec != std::errc() || dash.ptr == end) continue;
    const auto space = std::from_chars(dash.ptr + 1, end, to, 16);
    if (space.ec != std::errc() || first < from || first >= to) continue;
    const std::string_view mode(space.ptr, static_cast<std::size_t>(end - space.ptr));
    return mode.starts_with(" rw") && mode.substr(4, 1) == "s" && length <= to - first;
  }
  return false;
}

/// The ring's id, read by way of the kernel, which says so where there is no such page; a load would end the process.
std::uint64_t id_at(const std::byte* head) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return 0;
  std::uint64_t id = 0;
  if (::write(ends[1], head, sizeof id) != sizeof id || ::read(ends[0], &id, sizeof id) != sizeof id) id = 0;
  ::close(ends[0]);
  ::close(ends[1]);
  return id;
}

/// Writes zeros to all of it in the same way.
bool can_be_written(std::byte* begin, std::size_t length) {
  const int zeros = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  if (zeros < 0) return false;
  std::size_t written = 0;
  while (written < length) {
    const ssize_t got = ::read(zeros, begin + written, length - written);
    if (got <= 0) break;
    written += static_cast<std::size_t>(got);
  }
  ::close(zeros);
  return written == length;
}

}  // namespace

Result<std::unique_ptr<UcxRing>> UcxRing::allocate(const UcxWorker& worker) {
  std::unique_ptr<UcxRing> ring(new UcxRing(worker.context()));
  ucp_mem_map_params_t params{};
  params.field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH | UCP_MEM_MAP_PARAM_FIELD_FLAGS;
  params.length = kRingHeadBytes + kSlots * kSlotBytes;
  params.flags = UCP_MEM_MAP_ALLOCATE;
  if (const ucs_status_t status = ucp_mem_map(ring->context_, &params, &ring->memory_); status != UCS_OK) {
    return unavailable("no shared memory for a ring of slots", status);
  }
  ucp_mem_attr_t about{};
  about.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS | UCP_MEM_ATTR_FIELD_LENGTH;
  if (const ucs_status_t status = ucp_mem_query(ring->memory_, &about); status != UCS_OK) {
    return unavailable("a ring of slots", status);
  }
  CHECK(about.length >= params.length, about.length);
  ring->base_ = static_cast<std::byte*>(about.address);
  void* key = nullptr;
  std::size_t length = 0;
  if (const ucs_status_t status = ucp_rkey_pack(ring->context_, ring->memory_, &key, &length); status != UCS_OK) {
    return unavailable("no key for a ring of slots", status);
  }
  ring->offer_.key.assign(static_cast<const char*>(key), length);
  ucp_rkey_buffer_release(key);
  do {
    ring->offer_.id = entropy64();
  } while (ring->offer_.id == 0);
  std::memcpy(ring->base_, &ring->offer_.id, sizeof ring->offer_.id);
  ring->offer_.base = reinterpret_cast<std::uintptr_t>(ring->base_);
  ring->offer_.slots = kSlots;
  ring->offer_.slot_bytes = kSlotBytes;
  return ring;
}

UcxRing::~UcxRing() {
  if (memory_ != nullptr) ucp_mem_unmap(context_, memory_);
}

Result<std::unique_ptr<UcxRemoteRing>> UcxRemoteRing::attach(ucp_ep_h endpoint, const RingOffer& offer) {
  const std::uint64_t bytes = kRingHeadBytes + offer.slots * offer.slot_bytes;
  const bool sound = !offer.key.empty() && offer.base != 0 && offer.id != 0 && offer.slots >= 1 &&
                     offer.slots <= kMostSlots && offer.slot_bytes >= 4096 && offer.slot_bytes <= kMostSlotBytes;
  if (!sound || offer.base > std::numeric_limits<std::uint64_t>::max() - bytes) {
    return Error{ErrorCode::kInvalidInput, "the peer's offer of slots in shared memory is none"};
  }
  std::unique_ptr<UcxRemoteRing> ring(new UcxRemoteRing(offer.slots, offer.slot_bytes));
  if (const ucs_status_t status = ucp_ep_rkey_unpack(endpoint, offer.key.data(), &ring->key_); status != UCS_OK) {
    ring->key_ = nullptr;
    return unavailable("the peer's slots cannot be reached", status);
  }
  void* base = nullptr;
  if (const ucs_status_t status = ucp_rkey_ptr(ring->key_, offer.base, &base); status != UCS_OK) {
    return unavailable("the peer's slots are not in this node's reach", status);
  }
  ring->base_ = static_cast<std::byte*>(base);
  if (!is_shared_mapping(ring->base_, bytes) || id_at(ring->base_) != offer.id) {
    return Error{ErrorCode::kUnavailable, "the peer's slots are not where it said: its offer is an old one, or forged"};
  }
  if (!can_be_written(ring->base_ + kRingHeadBytes, bytes - kRingHeadBytes)) {
    return Error{ErrorCode::kUnavailable, "the peer's slots are smaller than it said"};
  }
  return ring;
}

UcxRemoteRing::~UcxRemoteRing() {
  if (key_ != nullptr) ucp_rkey_destroy(key_);
}

}  // namespace troupe::link
