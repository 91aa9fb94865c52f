// The first bytes of a control connection, by which each side knows a node of Troupe before anything else is read. The
// dialler speaks first; the listener answers only what it accepted.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "runtime/base/result.hpp"

namespace troupe::control {

enum class Side : char { kDialler = 'd', kListener = 'l' };

/// Rises with what control connections mean before a node says hello.
inline constexpr unsigned kGreetingVersion = 1;
inline constexpr std::size_t kGreetingBytes = 16;

using Greeting = std::array<char, kGreetingBytes>;

/// What `side` says.
Greeting greeting_of(Side side);

/// Whether `bytes`, so far as they are there, can be what `side` says. kInvalidInput for what is none, kUnsupported for
/// that of another version.
Result<void> check_greeting(std::span<const char> bytes, Side side);

}  // namespace troupe::control
