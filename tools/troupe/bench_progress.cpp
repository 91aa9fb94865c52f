#include "tools/troupe/bench_progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace troupe {
namespace {

constexpr std::size_t kBarWidth = 20;
constexpr std::size_t kColumns = 79;

}  // namespace

std::string render_load(const LoadProgress& progress) {
  const std::size_t filled = progress.total > 0 ? progress.finished * kBarWidth / progress.total : kBarWidth;
  const double rate = progress.seconds > 0 ? 1.0 / progress.seconds : 0;
  char numbers[160];
  std::snprintf(numbers, sizeof numbers, " %zu/%zu, %zu running, %.1f req/s, %.0f pieces/s", progress.finished,
                progress.total, progress.running, static_cast<double>(progress.finished) * rate,
                static_cast<double>(progress.pieces) * rate);
  auto out = "[" + std::string(filled, '#') + std::string(kBarWidth - filled, ' ') + "]" + numbers;
  if (progress.failed > 0) out += ", " + std::to_string(progress.failed) + " failed";
  return out.substr(0, kColumns);
}

void LoadBar::show(const LoadProgress& progress) {
  if (::isatty(STDERR_FILENO) != 1) return;
  std::cerr << "\r\x1b[K" << render_load(progress) << std::flush;
  drawn_ = true;
}

void LoadBar::clear() {
  if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace troupe
