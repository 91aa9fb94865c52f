// What people read of a hunt.
#pragma once

#include <cstdint>
#include <deque>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/hunt/hunt.hpp"

namespace troupe {

/// Many seeds together.
struct HuntSummary {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 0;  ///< asked for
  std::uint64_t jobs = 1;
  std::uint64_t played = 0;
  std::uint64_t failed = 0;
  std::uint64_t messages = 0;
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  std::uint64_t errors = 0;
  std::uint64_t hash = 0;  ///< of all traces, whatever order they came in
  double virtual_seconds = 0;
  double worst_recovery_seconds = 0;
  double wall_seconds = 0;
  /// By what came about (tools/hunt/coverage.hpp): in how many seeds, and how often in all.
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> happened;

  void add(const hunt::HuntResult& result);
};

/// The figures, a line each.
std::string in_words(const HuntSummary& summary);

/// What came about, how often, and what never did.
std::string coverage_in_words(const HuntSummary& summary);

/// A seed: its figures, or its violations and the command that replays it.
std::string in_words(const hunt::HuntResult& result, bool faults);

/// "1,234 of 10,000 seeds, 97 a second": a line that redraws itself on a terminal, a line a tenth elsewhere.
class HuntProgress {
 public:
  explicit HuntProgress(bool terminal) : terminal_(terminal) {}
  /// What to write now; empty where there is nothing new.
  std::string render(const HuntSummary& summary, double wall_seconds);
  /// Ends the terminal's line.
  std::string finish() const { return terminal_ && shown_ ? "\n" : ""; }

 private:
  bool terminal_;
  bool shown_ = false;
  std::uint64_t tenths_ = 0;
};

/// Messages and events of one seed as they come, kept for its end.
class MessageLog {
 public:
  /// Keeps the last `most` lines for print(), and of each request its own; 0: all.
  explicit MessageLog(std::uint64_t most) : most_(most) {}
  void add(std::string_view line, bool message);
  /// What was planned, what each violated request went through, and the last lines before the end.
  void print(std::ostream& out, const std::vector<hunt::Violation>& violations) const;

 private:
  struct Line {
    std::string text;
    bool message = false;
  };
  std::uint64_t most_;
  std::deque<Line> lines_;
};

}  // namespace troupe
