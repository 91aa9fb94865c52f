// Lines from standard input, bounded, without losing a signal that comes while waiting.
#pragma once

#include <cstddef>
#include <string>

namespace troupe {

class LineReader {
 public:
  enum class Outcome { kLine, kEnd, kInterrupted, kTooLong };

  explicit LineReader(int fd, std::size_t limit_bytes = std::size_t{4} << 20) : fd_(fd), limit_bytes_(limit_bytes) {}

  /// The next line without its end; a last line needs none. kInterrupted: a signal came; what was read so far is
  /// dropped. kTooLong: the line was over the limit and is passed over to its end.
  Outcome next(std::string& line);
  /// Everything up to the end of the input.
  Outcome rest(std::string& text);

 private:
  bool fill(Outcome& outcome);

  int fd_;
  std::size_t limit_bytes_;
  std::string buffer_;
  std::size_t searched_ = 0;
  bool dropping_ = false;
};

}  // namespace troupe
