// A broken precondition of a kernel ends the process, in every build: kernels know no other module, so the check lives
// here.
#pragma once

#include <cstdint>

namespace troupe::kernels {

/// Prints `where: what (a, b)` to stderr and aborts.
[[noreturn]] void kernel_check_failed(const char* where, const char* what, std::int64_t a, std::int64_t b);

}  // namespace troupe::kernels

/// KERNEL_CHECK(condition, a, b): two integers that tell the story are printed when the condition does not hold.
#define KERNEL_CHECK(condition, a, b)                                                            \
  do {                                                                                           \
    if (!(condition)) [[unlikely]]                                                               \
      ::troupe::kernels::kernel_check_failed(__func__, #condition, static_cast<std::int64_t>(a), \
                                             static_cast<std::int64_t>(b));                      \
  } while (false)
