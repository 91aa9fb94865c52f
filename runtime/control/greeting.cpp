#include "runtime/control/greeting.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace troupe::control {
namespace {

// The zero byte keeps the words apart from any protocol of text.
constexpr std::string_view kMagic{"Troupe\0", 7};
constexpr std::size_t kVersionAt = kMagic.size() + 1;

}  // namespace

Greeting greeting_of(Side side) {
  Greeting bytes{};
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  bytes[kMagic.size()] = static_cast<char>(side);
  bytes[kVersionAt] = static_cast<char>(kGreetingVersion >> 8);
  bytes[kVersionAt + 1] = static_cast<char>(kGreetingVersion & 0xff);
  return bytes;
}

Result<void> check_greeting(std::span<const char> bytes, Side side) {
  const Greeting expected = greeting_of(side);
  const auto [here, there] =
      std::mismatch(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), expected.size())),
                    expected.begin());
  const auto differs = static_cast<std::size_t>(there - expected.begin());
  if (differs == std::min(bytes.size(), expected.size())) return {};
  if (differs == kVersionAt || differs == kVersionAt + 1) {
    return Error{ErrorCode::kUnsupported, "it speaks another version of the control connection than " +
                                              std::to_string(kGreetingVersion) + ". Run the same build on all nodes."};
  }
  return Error{ErrorCode::kInvalidInput, "what it sent is no node's greeting. Check who connects to this port."};
}

}  // namespace troupe::control
