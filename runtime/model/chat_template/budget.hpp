// What one render may still spend. Every operation pays before it works, so that time and memory are bounded by the
// limits.
#pragma once

#include <cstdint>

#include "runtime/base/result.hpp"
#include "runtime/model/chat_template/chat_template.hpp"

namespace troupe::model::jinja {

/// One render's account; one thread.
class Budget {
 public:
  explicit Budget(const TemplateLimits& limits) : limits_(limits), steps_left_(limits.steps) {}

  /// Pays for evaluating something, or for copying `count` elements.
  Result<void> steps(std::size_t count = 1) {
    if (static_cast<std::int64_t>(count) <= steps_left_) [[likely]] {
      steps_left_ -= static_cast<std::int64_t>(count);
      return {};
    }
    return out_of_steps();
  }

  /// Pays for reading `count` bytes.
  Result<void> read(std::size_t count) { return steps(count / kBytesPerStep); }

  /// Pays for making a string of `size` bytes; refuses one longer than the output may be.
  Result<void> string(std::size_t size) {
    if (size > limits_.output_bytes) [[unlikely]]
      return too_long(size);
    return steps(size / kBytesPerStep);
  }

  /// Refuses data nested deeper than the limit.
  Result<void> nesting(int depth) const;

  const TemplateLimits& limits() const { return limits_; }
  /// A limit was passed: the render ends with this error, whatever a template does with it.
  bool exhausted() const { return exhausted_; }

 private:
  static constexpr std::size_t kBytesPerStep = 128;
  Error out_of_steps();
  Error too_long(std::size_t size);

  TemplateLimits limits_;
  std::int64_t steps_left_;
  bool exhausted_ = false;
};

}  // namespace troupe::model::jinja
