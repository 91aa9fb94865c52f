// The mistakes found in one configuration: where each is, what was expected, what to write instead.
// Promises: 20 at most, in the order of the file, each shown with its line as compilers do.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::config {

inline constexpr std::size_t kMostProblems = 20;

/// A stretch of one line of a file. Lines and columns count from 1; columns and length count bytes. Line 0: no place in
/// a file.
struct Place {
  std::size_t line = 0;
  std::size_t column = 0;
  std::size_t length = 1;
};

class Problems {
 public:
  /// `file` is the name that messages give; `text` its content, which must outlive this.
  Problems(std::string file, std::string_view text);

  /// `message` says what is wrong (one sentence, no full stop); `expected` stands under the place and may be empty.
  void add(Place place, std::string message, std::string expected = {});
  /// The same for a value that came from a flag or an environment variable: `source` names it.
  void add_elsewhere(const std::string& source, std::string message, std::string expected = {});

  /// The line may hold a secret: messages name places in it but never repeat it.
  void hide(std::size_t line) { hidden_.insert(line); }

  bool empty() const { return found_.empty(); }
  /// No more are kept.
  bool full() const { return found_.size() >= kMostProblems; }
  /// All of them as one kConfig error. There must be one.
  Error error() const;

 private:
  struct Problem {
    Place place;
    std::string source;
    std::string message;
    std::string expected;
  };
  std::string render(const Problem& problem) const;

  std::string file_;
  std::string_view text_;
  std::vector<Problem> found_;
  std::set<std::size_t> hidden_;
  std::size_t left_out_ = 0;
};

/// `text` in double quotes, cut at 60 bytes, with control characters and ill-formed bytes made visible.
std::string in_quotes(std::string_view text);

/// The refusal of a file over the limit, which is never read.
Error file_too_large(const std::string& file);

/// "a, b or c"
std::string one_of(const std::vector<std::string>& words);

}  // namespace troupe::config
