#include "runtime/base/random.hpp"

#include <sys/random.h>

#include "runtime/base/check.hpp"

namespace troupe {

std::uint64_t entropy64() {
  std::uint64_t bits = 0;
  const auto got = getrandom(&bits, sizeof bits, 0);
  CHECK(got == sizeof bits, "getrandom returned", got);
  return bits;
}

}  // namespace troupe
