#include "runtime/link/node_address.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/file.hpp"
#include "runtime/base/random.hpp"
#include "runtime/link/checksum.hpp"
#include "runtime/link/piece.hpp"

namespace troupe::link {
namespace {

constexpr std::string_view kMagic = "TRvA";
constexpr std::size_t kMostFieldBytes = 4096;
constexpr std::uint64_t kChecksums = 1;
constexpr std::uint64_t kLoopback = 2;

void put(std::string& out, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((number >> (8 * i)) & 0xff);
}

void put(std::string& out, std::string_view text) {
  CHECK(text.size() <= kMostFieldBytes, text.size());
  put(out, text.size(), 2);
  out += text;
}

bool take(std::string_view& in, std::uint64_t& number, std::size_t bytes) {
  if (in.size() < bytes) return false;
  number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number |= std::uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
  in.remove_prefix(bytes);
  return true;
}

bool take(std::string_view& in, std::string& text) {
  std::uint64_t length = 0;
  if (!take(in, length, 2) || length > kMostFieldBytes || length > in.size()) return false;
  text = in.substr(0, length);
  in.remove_prefix(length);
  return true;
}

std::uint64_t checksum_of_text(std::string_view text) {
  return checksum_of(std::as_bytes(std::span(text.data(), text.size())));
}

std::string boot_identity() {
  auto boot = read_file("/proc/sys/kernel/random/boot_id", 4096);
  // A host that does not say who it is takes nobody for itself.
  std::string identity = boot.ok() ? boot.value() : "?" + std::to_string(entropy64());
  while (!identity.empty() && identity.back() == '\n') identity.pop_back();
  return identity;
}

std::string identity_of(const char* path) {
  struct stat about {};
  if (stat(path, &about) != 0) return "?";
  return std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino);
}

}  // namespace

std::string encode(const NodeAddress& address) {
  std::string out(kMagic);
  put(out, kLinkVersion, 2);
  put(out, (address.checksums ? kChecksums : 0U) | (address.loopback ? kLoopback : 0U), 1);
  put(out, address.link_id, 8);
  put(out, address.host);
  put(out, address.network);
  put(out, address.shared_memory);
  put(out, address.tcp);
  put(out, address.ring.key);
  put(out, address.ring.base, 8);
  put(out, address.ring.id, 8);
  put(out, address.ring.slots, 4);
  put(out, address.ring.slot_bytes, 8);
  put(out, checksum_of_text(out), 8);
  return out;
}

Result<NodeAddress> decode_address(std::string_view bytes) {
  const auto refused = [](const std::string& why) {
    return Error{ErrorCode::kInvalidInput, "a node's link address: " + why};
  };
  std::string_view in = bytes;
  if (in.substr(0, kMagic.size()) != kMagic) return refused("it does not start as one of Troupe's");
  in.remove_prefix(kMagic.size());
  std::uint64_t version = 0;
  if (!take(in, version, 2)) return refused("it is cut short");
  if (version != kLinkVersion) {
    return refused("version " + std::to_string(version) + ", this node speaks " + std::to_string(kLinkVersion) +
                   ": run the same build on both");
  }
  NodeAddress address;
  std::uint64_t flags = 0;
  std::uint64_t checksum = 0;
  std::uint64_t slots = 0;
  if (!take(in, flags, 1) || !take(in, address.link_id, 8) || !take(in, address.host) || !take(in, address.network) ||
      !take(in, address.shared_memory) || !take(in, address.tcp) || !take(in, address.ring.key) ||
      !take(in, address.ring.base, 8) || !take(in, address.ring.id, 8) || !take(in, slots, 4) ||
      !take(in, address.ring.slot_bytes, 8) || !take(in, checksum, 8) || !in.empty()) {
    return refused("it is cut short or too long");
  }
  if (checksum != checksum_of_text(bytes.substr(0, bytes.size() - 8)) || (flags & ~(kChecksums | kLoopback)) != 0) {
    return refused("it is damaged");
  }
  address.ring.slots = static_cast<std::uint32_t>(slots);
  address.checksums = (flags & kChecksums) != 0;
  address.loopback = (flags & kLoopback) != 0;
  return address;
}

std::string host_identity() {
  std::string identity = boot_identity();
  for (const char* path : {"/dev/shm", "/proc/self/ns/pid", "/proc/self/ns/user"}) identity += " " + identity_of(path);
  return identity + " " + std::to_string(geteuid());
}

std::string network_identity() { return boot_identity() + " " + identity_of("/proc/self/ns/net"); }

}  // namespace troupe::link
