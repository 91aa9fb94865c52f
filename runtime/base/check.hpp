// A broken invariant ends the process: CHECK stays on in every build and prints the values it was given.
#pragma once

#include <sstream>
#include <string_view>

namespace troupe {

/// Prints `file:line: CHECK failed: condition: details` to stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, std::string_view condition, const std::string& details);

template <class... Values>
std::string check_details(const Values&... values) {
  std::ostringstream out;
  ((out << values << ' '), ...);
  return out.str();
}

}  // namespace troupe

/// CHECK(condition, values...): the values are printed when the condition does not hold.
#define CHECK(condition, ...)                                                                       \
  do {                                                                                              \
    if (!(condition)) [[unlikely]]                                                                  \
      ::troupe::check_failed(__FILE__, __LINE__, #condition, ::troupe::check_details(__VA_ARGS__)); \
  } while (false)
