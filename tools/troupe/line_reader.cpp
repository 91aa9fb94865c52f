#include "tools/troupe/line_reader.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace troupe {

bool LineReader::fill(Outcome& outcome) {
  char bytes[4096];
  const ssize_t got = ::read(fd_, bytes, sizeof bytes);
  if (got > 0) {
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  outcome = got < 0 && errno == EINTR ? Outcome::kInterrupted : Outcome::kEnd;
  return false;
}

LineReader::Outcome LineReader::next(std::string& line) {
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched_);
    if (end != std::string::npos) {
      line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      searched_ = 0;
      if (!dropping_ && line.size() <= limit_bytes_) return Outcome::kLine;
      dropping_ = false;
      return Outcome::kTooLong;
    }
    if (buffer_.size() > limit_bytes_) {
      dropping_ = true;
      buffer_.clear();
    }
    searched_ = buffer_.size();
    Outcome outcome{};
    if (fill(outcome)) continue;
    line = std::exchange(buffer_, {});
    searched_ = 0;
    if (outcome == Outcome::kInterrupted) return outcome;
    if (std::exchange(dropping_, false)) return Outcome::kTooLong;
    return line.empty() ? Outcome::kEnd : Outcome::kLine;
  }
}

LineReader::Outcome LineReader::rest(std::string& text) {
  Outcome outcome{};
  while (fill(outcome)) {
    if (buffer_.size() > limit_bytes_) return Outcome::kTooLong;
  }
  text = std::exchange(buffer_, {});
  return outcome == Outcome::kInterrupted ? outcome : Outcome::kLine;
}

}  // namespace troupe
