// How a kernel's work is spread over cores, without kernels knowing about threads.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace troupe::kernels {

/// Runs independent parts of one operation, perhaps at the same time. Parts must write disjoint memory; which thread
/// runs which part, and in what order, never changes a result.
class Parallel {
 public:
  virtual ~Parallel() = default;
  /// How many parts can run at once; at least 1.
  virtual std::size_t width() const = 0;

  /// Calls body(part) once for each part in [0, parts) and returns when all are done. Does not allocate. Not reentrant.
  template <class Body>
  void run(std::size_t parts, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run_parts(
        parts, [](const void* context, std::size_t part) { (*static_cast<Plain*>(const_cast<void*>(context)))(part); },
        std::addressof(body));
  }

 protected:
  using PartFunction = void (*)(const void* context, std::size_t part);
  virtual void run_parts(std::size_t parts, PartFunction function, const void* context) = 0;
};

/// Everything in the calling thread.
class Serial final : public Parallel {
 public:
  std::size_t width() const override { return 1; }

 private:
  void run_parts(std::size_t parts, PartFunction function, const void* context) override {
    for (std::size_t part = 0; part < parts; ++part) function(context, part);
  }
};

}  // namespace troupe::kernels
