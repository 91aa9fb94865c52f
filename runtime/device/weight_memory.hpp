// Memory for a model's weights, which are read from end to end for each token.
//
// Owns: the pages. Promises: huge ones where the system has them; from small pages that a process before left scattered
// over the memory, a decode was measured to take 1.1 to 1.4 times as long (docs/benchmarks.md).
#pragma once

#include <cstddef>
#include <memory_resource>

namespace troupe::device {

class WeightMemory {
 public:
  /// `expected_bytes`: of all that is to be allocated; more may be. Pages are the system's until they are written.
  explicit WeightMemory(std::size_t expected_bytes);

  /// Allocations from it stay until this ends, whoever gives them back. Throws std::bad_alloc. For one thread at a
  /// time.
  std::pmr::memory_resource* resource() { return &arena_; }

 private:
  /// Whole huge pages from the system.
  class Pages final : public std::pmr::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  };

  Pages pages_;
  std::pmr::monotonic_buffer_resource arena_;
};

}  // namespace troupe::device
