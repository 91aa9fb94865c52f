// Finds stop strings in text that arrives in pieces, and holds back what may yet become one.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace troupe {

class StopStrings {
 public:
  /// `stops`: none empty. With `include`, the text up to the end of the stop string is let through.
  StopStrings(std::vector<std::string> stops, bool include);

  /// Takes the next piece in and returns the text that is now certain. Once found() has a value everything later is
  /// dropped.
  std::string push(std::string_view piece);

  /// The text held back, when nothing more comes.
  std::string finish();

  /// The stop string that was found: the one that ends first in the text, the longest among those that end together.
  const std::optional<std::string>& found() const { return found_; }

 private:
  std::vector<std::string> stops_;
  bool include_;
  std::string held_;
  std::optional<std::string> found_;
};

}  // namespace troupe
