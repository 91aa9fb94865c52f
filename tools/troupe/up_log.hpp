// One log out of many: lines of the nodes' processes, each with its node's name in front.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Bytes of one process into lines. Bounded: a line over the limit is given in pieces.
class LineSplitter {
 public:
  static constexpr std::size_t kMostLineBytes = 16 * 1024;

  /// The lines that these bytes end, without their ends.
  std::vector<std::string> feed(std::string_view bytes);
  /// What was begun and never ended, where there is something.
  std::vector<std::string> rest();

 private:
  std::string begun_;
};

class MergedLog {
 public:
  /// Names are aligned; `colour`: each in a colour of its own.
  MergedLog(std::vector<std::string> names, bool colour);

  /// The line as the log has it, with its end. Control characters of `text` are shown as blanks. `source` past the
  /// names is `troupe up` itself.
  std::string render(std::size_t source, std::string_view text) const;
  /// To stdout, at once. A stdout that is gone is passed over.
  void write(std::size_t source, std::string_view text) const;
  /// In the name of `troupe up`.
  void say(std::string_view text) const { write(names_.size(), text); }

 private:
  std::vector<std::string> names_;
  std::size_t width_ = 0;
  bool colour_;
};

}  // namespace troupe
