#include "runtime/clock/wall_clock.hpp"

#include <cstdio>

namespace troupe::clock {

std::int64_t unix_seconds() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch().count();
}

std::int64_t unix_nanoseconds() {
  return std::chrono::floor<std::chrono::nanoseconds>(std::chrono::system_clock::now()).time_since_epoch().count();
}

std::chrono::steady_clock::time_point steady_now() { return std::chrono::steady_clock::now(); }

std::string rfc3339(std::int64_t unix_nanoseconds) {
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(unix_nanoseconds)};
  // An int64 of nanoseconds reaches from 1677 to 2262, so that a year has four digits. Days and then seconds within the
  // day: rounding the lowest value down to whole days and back would overflow nanoseconds.
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(second - day);
  const auto fraction = ((unix_nanoseconds % 1'000'000'000) + 1'000'000'000) % 1'000'000'000;
  char out[64];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d.%09lldZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<long long>(fraction));
  return out;
}

}  // namespace troupe::clock
