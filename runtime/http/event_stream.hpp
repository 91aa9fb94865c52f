// Server-sent events, the part that OpenAI-style streams use: lines `data: ...`, an empty line after each event,
// comments.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace troupe::http {

/// Cuts bytes that arrive in any pieces into lines. Ends of lines are LF or CRLF and are left out.
class LineReader {
 public:
  explicit LineReader(std::size_t max_line_bytes = std::size_t{1} << 20) : max_line_bytes_(max_line_bytes) {}

  /// Calls `line` for each complete line. False, from then on, once a line is longer than the bound.
  bool feed(std::string_view bytes, const std::function<void(std::string_view)>& line);
  /// What follows the last line end: a line that was cut off, or nothing.
  const std::string& rest() const { return rest_; }

 private:
  std::size_t max_line_bytes_;
  std::string rest_;
  bool failed_ = false;
};

/// Cuts bytes that arrive in any pieces into events.
class EventReader {
 public:
  explicit EventReader(std::size_t max_event_bytes = std::size_t{1} << 20)
      : lines_(max_event_bytes), max_event_bytes_(max_event_bytes) {}

  /// Calls `event` with the data of each complete event, the lines of one event joined by LF. Comments and other fields
  /// are passed over. False, from then on, once an event or a line is longer than the bound.
  bool feed(std::string_view bytes, const std::function<void(std::string_view)>& event);

 private:
  LineReader lines_;
  std::size_t max_event_bytes_;
  std::string data_;
  bool has_data_ = false;
  bool failed_ = false;
};

}  // namespace troupe::http
