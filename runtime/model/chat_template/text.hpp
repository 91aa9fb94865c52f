// Text that knows, byte by byte, whether the template wrote it (trusted) or the user did.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model::jinja {

/// A UTF-8 string with its trust as runs of bytes. A value type; at most 2 GiB.
class Text {
 public:
  Text() = default;
  Text(std::string bytes, bool trusted);

  std::string_view bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  /// Whether no byte is the user's.
  bool trusted() const { return runs_.empty() || (runs_.size() == 1 && runs_[0].trusted); }

  void append(std::string_view bytes, bool trusted);
  void append(const Text& other);
  /// Bytes [from, to), which must lie within the text.
  Text slice(std::size_t from, std::size_t to) const;

  /// Calls `part(bytes, trusted)` for each run in order.
  template <class Part>
  void for_each_run(Part part) const {
    std::size_t from = 0;
    for (const Run& run : runs_) {
      part(std::string_view(bytes_).substr(from, run.end - from), static_cast<bool>(run.trusted));
      from = run.end;
    }
  }

 private:
  struct Run {
    std::uint32_t end : 31;  ///< one past its last byte
    std::uint32_t trusted : 1;
  };
  std::string bytes_;
  std::vector<Run> runs_;  ///< neighbours differ in trust; none is empty; the last ends at bytes_.size()
};

/// The parts one after the other.
std::string joined(std::initializer_list<std::string_view> parts);

/// Whether Python's str.isspace holds for the code point.
bool is_space(char32_t code_point);

/// The code point that starts at `bytes[at]` of well-formed UTF-8, and its length.
struct Character {
  char32_t code_point;
  std::size_t length;
};
Character character_at(std::string_view bytes, std::size_t at);

/// Number of code points of well-formed UTF-8.
std::size_t count_characters(std::string_view bytes);

/// Byte offset of the code point with that index, or size() past the end.
std::size_t offset_of_character(std::string_view bytes, std::size_t index);

/// `bytes` without white space at its front or end.
std::size_t skip_space(std::string_view bytes, std::size_t at);  ///< first byte at or after `at` that is no white space
std::size_t end_before_space(std::string_view bytes,
                             std::size_t end);  ///< end of the last character before `end` that is none

/// First or last place of `needle` at or after `from`, or npos; linear in the length of both.
std::size_t find_bytes(std::string_view haystack, std::string_view needle, std::size_t from = 0);
std::size_t find_last_bytes(std::string_view haystack, std::string_view needle);

}  // namespace troupe::model::jinja
