// The body of a ChecksumTable: xxHash's header, inlined for the including file's instruction set. Its names are static,
// so that no other file can be linked to code of this one.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runtime/link/checksum_table.hpp"

namespace troupe::link {
namespace {

std::uint64_t once(const void* bytes, std::size_t length) { return XXH3_64bits(bytes, length); }
void* make() {
  XXH3_state_t* const state = XXH3_createState();
  if (state != nullptr) XXH3_64bits_reset(state);
  return state;
}
void add(void* state, const void* bytes, std::size_t length) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state), bytes, length);
}
std::uint64_t value(const void* state) { return XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state)); }
void free_state(void* state) { XXH3_freeState(static_cast<XXH3_state_t*>(state)); }

constexpr ChecksumTable kTable{once, make, add, value, free_state};

}  // namespace
}  // namespace troupe::link
