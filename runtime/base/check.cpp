#include "runtime/base/check.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace troupe {

void check_failed(const char* file, int line, std::string_view condition, const std::string& details) {
  std::fprintf(stderr,
               "%s:%d: CHECK failed: %.*s: %s\nThis is a bug in Troupe; please report it with the lines above.\n", file,
               line, static_cast<int>(condition.size()), condition.data(), details.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace troupe
