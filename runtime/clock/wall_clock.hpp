// The one place that reads clocks outside actors: a grep for std::chrono's clocks finds what depends on real time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace troupe::clock {

/// Seconds since 1970-01-01T00:00:00Z, rounded down.
std::int64_t unix_seconds();
/// Nanoseconds since 1970-01-01T00:00:00Z.
std::int64_t unix_nanoseconds();

/// A clock that never goes back; only differences mean something. For deadlines and durations.
std::chrono::steady_clock::time_point steady_now();

/// "2026-11-21T07:27:26.000000123Z" (RFC 3339, UTC, nanoseconds). `unix_nanoseconds` may be negative.
std::string rfc3339(std::int64_t unix_nanoseconds);

}  // namespace troupe::clock
