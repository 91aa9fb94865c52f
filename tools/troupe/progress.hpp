// Progress of loading on stderr: a bar that redraws itself on a terminal, a line a quarter elsewhere.
#pragma once

#include <string>
#include <string_view>

namespace troupe {

class Progress {
 public:
  Progress();
  explicit Progress(bool terminal) : terminal_(terminal) {}

  /// What to write for this news; empty where nothing changed that a reader could see. `done` counts from 0 to 1.
  std::string render(std::string_view stage, double done);
  /// Writes render() to stderr.
  void show(std::string_view stage, double done);
  /// Ends a bar's line.
  void finish();

 private:
  bool terminal_;
  std::string stage_;
  int shown_ = -1;
};

}  // namespace troupe
