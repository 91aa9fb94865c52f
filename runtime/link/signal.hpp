// Short messages between the links of a pair, beside the pieces: 32 bytes, each with a checksum of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/base/result.hpp"

namespace troupe::link {

struct Signal {
  enum class Kind : std::uint16_t {
    kPing = 1,  ///< to be answered with a pong of the same value; also what warms a new connection up
    kPong = 2,
  };
  Kind kind = Kind::kPing;
  std::uint64_t link_id = 0;  ///< the sender's
  std::uint64_t value = 0;
};

inline constexpr std::size_t kSignalBytes = 32;
using SignalBytes = std::array<std::byte, kSignalBytes>;

SignalBytes encode(const Signal& signal);
/// kInvalidInput for what is cut, damaged, of another version or of no kind.
Result<Signal> decode_signal(std::span<const std::byte> bytes);

}  // namespace troupe::link
