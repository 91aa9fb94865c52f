#include "kernels/core/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace troupe::kernels {

void kernel_check_failed(const char* where, const char* what, std::int64_t a, std::int64_t b) {
  std::fprintf(stderr, "kernels: %s: CHECK failed: %s (%lld, %lld)\n", where, what, static_cast<long long>(a),
               static_cast<long long>(b));
  std::abort();
}

}  // namespace troupe::kernels
