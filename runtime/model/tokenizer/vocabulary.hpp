// The two-way map between token texts and ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.hpp"

namespace troupe::model::tok {

/// Ids run from 0 to below this; the largest vocabulary in use has 262,144.
inline constexpr std::int64_t kMaxTokenId = std::int64_t{1} << 22;

/// Texts lie in one string, so that 150,000 of them load without as many allocations.
class Vocabulary {
 public:
  enum class Added { kYes, kTextTaken, kIdTaken };

  Vocabulary();
  void reserve(std::size_t tokens, std::size_t bytes);
  /// `id` in [0, kMaxTokenId).
  Added add(std::string_view text, TokenId id);

  std::optional<TokenId> find(std::string_view text) const;
  bool has(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < by_id_.size() && by_id_[static_cast<std::size_t>(id)].present;
  }
  /// Empty for an id that is not there.
  std::string_view text(TokenId id) const;
  /// One more than the largest id.
  std::size_t id_bound() const { return by_id_.size(); }

 private:
  struct Entry {
    std::uint64_t begin = 0;
    std::uint32_t length = 0;
    bool present = false;
  };
  struct Slot {
    std::uint32_t tag = 0;  // upper half of the hash: most mismatches end here
    TokenId id = -1;
  };

  std::uint64_t hash(std::string_view text) const;
  void grow(std::size_t slots);

  std::string bytes_;
  std::vector<Entry> by_id_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t count_ = 0;
  std::uint64_t seed_;
};

}  // namespace troupe::model::tok
