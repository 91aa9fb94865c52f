// XXH3-64 (seed 0) of bytes that come in parts, with the widest instructions that this host has: Debian's library has
// SSE2 alone, which costs three times as much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace troupe::link {

/// XXH3-64, seed 0.
std::uint64_t checksum_of(std::span<const std::byte> bytes);

/// The same, part by part.
class Checksum {
 public:
  Checksum();
  void add(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  struct State;
  struct Free {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, Free> state_;
};

/// Copies `from` to `to`, of the same size, and adds what is in `to` afterwards to `written` unless that is null.
void copy_checked(std::span<std::byte> to, std::span<const std::byte> from, Checksum* written);

}  // namespace troupe::link
