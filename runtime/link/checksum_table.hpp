// XXH3-64 compiled for one instruction set. Included by the files that make one, and by the one that chooses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::link {

struct ChecksumTable {
  std::uint64_t (*once)(const void* bytes, std::size_t length);
  void* (*make)();
  void (*add)(void* state, const void* bytes, std::size_t length);
  std::uint64_t (*value)(const void* state);
  void (*free)(void* state);
};

extern const ChecksumTable kChecksumAvx2;
extern const ChecksumTable kChecksumAvx512;

}  // namespace troupe::link
