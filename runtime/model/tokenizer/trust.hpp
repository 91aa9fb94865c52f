// Which bytes of a text may spell special tokens.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model::tok {

/// The trusted stretches of a text: apart, from left to right.
class Trust {
 public:
  /// Marks [begin, end), at or behind the end of what is marked so far. Empty stretches are left out.
  void add(std::size_t begin, std::size_t end) {
    if (begin >= end) return;
    if (!stretches_.empty() && stretches_.back().end == begin) {
      stretches_.back().end = end;
    } else {
      stretches_.push_back({begin, end});
    }
  }
  bool any() const { return !stretches_.empty(); }
  /// Whether every byte of [begin, end) is trusted.
  bool covers(std::size_t begin, std::size_t end) const;
  /// Where the first trusted byte at or behind `at` is; `otherwise` where there is none.
  std::size_t next_trusted(std::size_t at, std::size_t otherwise) const;
  /// What it says of [begin, end), counted from `begin`.
  Trust within(std::size_t begin, std::size_t end) const;
  /// One byte for each of the first `size` bytes of the text: 1 where trusted, else 0; and back.
  std::string marks(std::size_t size) const;
  static Trust of_marks(std::string_view marks);

 private:
  struct Stretch {
    std::size_t begin, end;
  };
  // The first stretch that ends behind `at`.
  std::vector<Stretch>::const_iterator behind(std::size_t at) const;
  std::vector<Stretch> stretches_;
};

}  // namespace troupe::model::tok
