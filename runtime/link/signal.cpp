// Little-endian: magic, version, kind, link id, value, checksum of what is in front of it.
#include "runtime/link/signal.hpp"

#include <string>

#include "runtime/link/piece.hpp"

namespace troupe::link {
namespace {

constexpr std::uint32_t kMagic = 0x53765254;  // "TRvS"
constexpr std::size_t kCheckedBytes = kSignalBytes - sizeof(std::uint64_t);

void put(SignalBytes& out, std::size_t at, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out[at + i] = static_cast<std::byte>((number >> (8 * i)) & 0xff);
}

std::uint64_t get(std::span<const std::byte> in, std::size_t at, std::size_t bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number |= static_cast<std::uint64_t>(in[at + i]) << (8 * i);
  return number;
}

Error refused(const std::string& why) { return {ErrorCode::kInvalidInput, "link signal: " + why}; }

}  // namespace

SignalBytes encode(const Signal& signal) {
  SignalBytes bytes{};
  put(bytes, 0, kMagic, 4);
  put(bytes, 4, kLinkVersion, 2);
  put(bytes, 6, static_cast<std::uint64_t>(signal.kind), 2);
  put(bytes, 8, signal.link_id, 8);
  put(bytes, 16, signal.value, 8);
  put(bytes, kCheckedBytes, checksum_of(std::span(bytes).first(kCheckedBytes)), 8);
  return bytes;
}

Result<Signal> decode_signal(std::span<const std::byte> bytes) {
  if (bytes.size() != kSignalBytes) {
    return refused(std::to_string(bytes.size()) + " bytes, expected " + std::to_string(kSignalBytes));
  }
  if (get(bytes, 0, 4) != kMagic) return refused("it does not start as one of Troupe's");
  if (get(bytes, 4, 2) != kLinkVersion) return refused("it is of another version");
  if (get(bytes, kCheckedBytes, 8) != checksum_of(bytes.first(kCheckedBytes))) return refused("it is damaged");
  const std::uint64_t kind = get(bytes, 6, 2);
  if (kind < static_cast<std::uint64_t>(Signal::Kind::kPing) ||
      kind > static_cast<std::uint64_t>(Signal::Kind::kPong)) {
    return refused("kind " + std::to_string(kind) + " has no meaning");
  }
  return Signal{static_cast<Signal::Kind>(kind), get(bytes, 8, 8), get(bytes, 16, 8)};
}

}  // namespace troupe::link
