// What of CAF's protocol (BASP, version 3) may pass a control port. CAF 0.17.6 believes the headers that it reads: it
// allocates whatever length they claim, and a handshake without a payload ends the process. So each header is checked
// here before CAF has it, against what two nodes of Troupe say to each other and nothing more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "runtime/control/greeting.hpp"

namespace troupe::control {

inline constexpr std::size_t kCafHeaderBytes = 32;
/// Of a message between actors: a frame of Troupe's, of 16 MiB at most, and what CAF puts around it.
inline constexpr std::uint32_t kMostMessageBytes = (16U << 20) + (64U << 10);
/// Of what CAF says of itself: handshakes, and actors that are watched or have ended.
inline constexpr std::uint32_t kMostCafBytes = 64U << 10;

/// Follows what one side of a connection sends.
class CafFrames {
 public:
  /// `sender`: whose frames these are.
  explicit CafFrames(Side sender) : sender_(sender) {}

  /// How many bytes of payload follow this header. kInvalidInput where it must not reach CAF; the connection is of no
  /// use any more then.
  Result<std::uint32_t> take(std::span<const char, kCafHeaderBytes> header);

 private:
  Side sender_;
  int handshakes_ = 0;
};

}  // namespace troupe::control
