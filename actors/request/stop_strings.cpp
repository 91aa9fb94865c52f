#include "actors/request/stop_strings.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"

namespace troupe {

StopStrings::StopStrings(std::vector<std::string> stops, bool include) : stops_(std::move(stops)), include_(include) {
  for (const auto& stop : stops_) CHECK(!stop.empty());
}

std::string StopStrings::push(std::string_view piece) {
  if (found_) return {};
  held_ += piece;
  if (stops_.empty()) return std::exchange(held_, {});

  std::size_t best_end = std::string::npos;
  for (const auto& stop : stops_) {
    const auto at = held_.find(stop);
    if (at == std::string::npos) continue;
    const auto end = at + stop.size();
    if (end < best_end || (end == best_end && stop.size() > found_->size())) {
      best_end = end;
      found_ = stop;
    }
  }
  if (found_) {
    std::string text = held_.substr(0, include_ ? best_end : best_end - found_->size());
    held_.clear();
    return text;
  }
  std::size_t keep = 0;  // the longest end of the text that begins a stop string
  for (const auto& stop : stops_)
    for (std::size_t n = std::min(stop.size() - 1, held_.size()); n > keep; --n)
      if (held_.compare(held_.size() - n, n, stop, 0, n) == 0) keep = n;
  std::string text = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return text;
}

std::string StopStrings::finish() { return std::exchange(held_, {}); }

}  // namespace troupe
