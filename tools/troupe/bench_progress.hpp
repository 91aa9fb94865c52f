// The progress bar of a benchmark, on a terminal.
#pragma once

#include <string>

#include "tools/troupe/bench_load.hpp"

namespace troupe {

/// One line without its end, at most 79 columns: how many requests have ended, a bar, and rates.
std::string render_load(const LoadProgress& progress);

/// Draws over the line before on stderr where that is a terminal; nothing elsewhere.
class LoadBar {
 public:
  void show(const LoadProgress& progress);
  /// Takes the bar away.
  void clear();

 private:
  bool drawn_ = false;
};

}  // namespace troupe
