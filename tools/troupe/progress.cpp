#include "tools/troupe/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace troupe {
namespace {

constexpr int kBarWidth = 30;

}  // namespace

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

std::string Progress::render(std::string_view stage, double done) {
  const int percent = static_cast<int>(std::clamp(done, 0.0, 1.0) * 100.0);
  const bool new_stage = stage != stage_;
  const int step = terminal_ ? percent : percent / 25 * 25;
  if (!new_stage && step == shown_) return {};
  std::string out;
  if (terminal_) {
    if (new_stage && !stage_.empty()) out += "\n";
    const int filled = percent * kBarWidth / 100;
    out += "\r  " + std::string(stage) + std::string(stage.size() < 12 ? 12 - stage.size() : 1, ' ') + '[';
    out += std::string(static_cast<std::size_t>(filled), '#') +
           std::string(static_cast<std::size_t>(kBarWidth - filled), ' ');
    out += "] " + std::to_string(percent) + " %";
  } else {
    out = "troupe: loading " + std::string(stage) + ": " + std::to_string(step) + " %\n";
  }
  stage_ = stage;
  shown_ = step;
  return out;
}

void Progress::show(std::string_view stage, double done) { std::cerr << render(stage, done) << std::flush; }

void Progress::finish() {
  if (terminal_ && !stage_.empty()) std::cerr << std::endl;
  stage_.clear();
  shown_ = -1;
}

}  // namespace troupe
