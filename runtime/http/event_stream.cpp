#include "runtime/http/event_stream.hpp"

#include <algorithm>

namespace troupe::http {

bool LineReader::feed(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  while (!failed_ && !bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    if (rest_.size() + part.size() > max_line_bytes_) {
      failed_ = true;
      break;
    }
    if (end == std::string_view::npos) {
      rest_.append(part);
      break;
    }
    bytes.remove_prefix(end + 1);
    // Most lines come in one piece and need no copy.
    auto whole = rest_.empty() ? part : std::string_view(rest_.append(part));
    if (!whole.empty() && whole.back() == '\r') whole.remove_suffix(1);
    line(whole);
    rest_.clear();
  }
  return !failed_;
}

bool EventReader::feed(std::string_view bytes, const std::function<void(std::string_view)>& event) {
  const bool lines_fit = lines_.feed(bytes, [&](std::string_view line) {
    if (failed_) return;
    if (line.empty()) {
      if (has_data_) event(data_);
      data_.clear();
      has_data_ = false;
    } else if (line.substr(0, 5) == "data:") {
      line.remove_prefix(5);
      if (!line.empty() && line.front() == ' ') line.remove_prefix(1);
      if (data_.size() + line.size() + 1 > max_event_bytes_) {
        failed_ = true;
        return;
      }
      if (has_data_) data_ += '\n';
      data_ += line;
      has_data_ = true;
    }
  });
  return lines_fit && !failed_;
}

}  // namespace troupe::http
