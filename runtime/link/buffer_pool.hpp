// Buffers for pieces under way, kept for the next one so that a transfer does not fault in fresh pages piece by piece.
#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace troupe::link {

struct Buffer {
  std::unique_ptr<std::byte[]> memory;
  std::size_t capacity = 0;
  std::span<std::byte> first(std::size_t bytes) { return {memory.get(), bytes}; }
};

/// Not thread-safe. How many buffers are out is the caller's to bound; what is kept is bounded here.
class BufferPool {
 public:
  explicit BufferPool(std::size_t most_kept_bytes) : most_kept_(most_kept_bytes) {}

  /// At least `bytes` long; its content is undefined.
  Buffer take(std::size_t bytes) {
    for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
      if (kept->capacity < bytes) continue;
      Buffer buffer = std::move(*kept);
      kept_.erase(kept);
      kept_bytes_ -= buffer.capacity;
      return buffer;
    }
    const std::size_t capacity = std::bit_ceil(bytes);
    return {std::make_unique_for_overwrite<std::byte[]>(capacity), capacity};
  }

  void give(Buffer buffer) {
    if (buffer.memory == nullptr || kept_bytes_ + buffer.capacity > most_kept_) return;
    kept_bytes_ += buffer.capacity;
    kept_.push_back(std::move(buffer));
  }

 private:
  std::size_t most_kept_;
  std::size_t kept_bytes_ = 0;
  std::vector<Buffer> kept_;
};

}  // namespace troupe::link
