#include "tools/troupe/hunt_report.hpp"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <set>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

/// What a run of one seed may keep in memory; a seed has some ten thousand messages.
constexpr std::size_t kMostLines = 1'000'000;

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string fixed(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

std::string hex(std::uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

/// "request 3" is in the line, and not "request 31".
bool is_about(const std::string& line, RequestId request) {
  const std::string words = " of request " + std::to_string(request.value);
  for (auto at = line.find(words); at != std::string::npos; at = line.find(words, at + 1)) {
    const auto after = at + words.size();
    if (after == line.size() || line[after] < '0' || line[after] > '9') return true;
  }
  return false;
}

}  // namespace

void HuntSummary::add(const hunt::HuntResult& result) {
  ++played;
  failed += result.violations.empty() ? 0 : 1;
  messages += result.messages;
  requests += result.requests;
  retries += result.retries;
  errors += result.errors;
  hash += mix64(result.hash ^ mix64(result.seed));
  virtual_seconds += result.virtual_seconds;
  for (const auto& [what, times] : result.happened) {
    ++happened[what].first;
    happened[what].second += times;
  }
  worst_recovery_seconds = std::max(worst_recovery_seconds, result.recovery_seconds);
}

std::string in_words(const HuntSummary& summary) {
  const double rate = summary.wall_seconds > 0 ? static_cast<double>(summary.played) / summary.wall_seconds : 0;
  return grouped(summary.played) + " of " + grouped(summary.seeds) + " seeds from " + grouped(summary.first_seed) +
         " on: " + (summary.failed == 0 ? "every invariant held" : "an invariant did not hold") + "\n" +
         "  speed     " + fixed(rate, 1) + " seeds a second in " +
         (summary.jobs == 1 ? "one process" : grouped(summary.jobs) + " processes") + ", " +
         fixed(summary.wall_seconds, 1) + " s\n" + "  played    " + fixed(summary.virtual_seconds / 3600, 2) +
         " hours of a cluster's time, " + grouped(summary.messages) + " messages, " + grouped(summary.requests) +
         " requests\n" + "  faults    " + grouped(summary.retries) + " messages about further attempts, " +
         grouped(summary.errors) + " requests that ended with an error they were due; last end " +
         fixed(summary.worst_recovery_seconds, 2) + " s after the last fault\n" + "  hash      " + hex(summary.hash) +
         "\n";
}

std::string coverage_in_words(const HuntSummary& summary) {
  std::string text = "     seeds       times  what came about\n";
  std::string never;
  std::size_t met = 0;
  const auto& all = hunt::what_may_happen();
  for (const auto& what : all) {
    const auto found = summary.happened.find(what);
    if (found == summary.happened.end()) {
      never += "  never: " + what + "\n";
      continue;
    }
    ++met;
    const auto aligned = [](std::uint64_t number, std::size_t width) {
      const auto digits = grouped(number);
      return std::string(width - std::min(width, digits.size()), ' ') + digits;
    };
    text += aligned(found->second.first, 10) + "  " + aligned(found->second.second, 10) + "  " + what + "\n";
  }
  return text + "  " + grouped(met) + " of " + grouped(all.size()) + " came about\n" + never;
}

std::string in_words(const hunt::HuntResult& result, bool faults) {
  std::string text = "seed " + std::to_string(result.seed);
  if (result.violations.empty())
    return text + ": every invariant held; " + grouped(result.messages) + " messages, " + grouped(result.requests) +
           " requests, " + fixed(result.virtual_seconds, 1) + " s of a cluster's time, trace hash " + hex(result.hash) +
           "\n";
  text += " broke " + std::string(result.violations.size() == 1 ? "an invariant" : "invariants") + ":\n";
  for (const auto& violation : result.violations) text += "  " + violation.invariant + ": " + violation.what + "\n";
  return text + "replay it, message by message:\n  troupe simulate --seed " + std::to_string(result.seed) +
         (faults ? " --faults" : "") + " --trace-messages\n";
}

std::string HuntProgress::render(const HuntSummary& summary, double wall_seconds) {
  const double rate = wall_seconds > 0 ? static_cast<double>(summary.played) / wall_seconds : 0;
  const std::string words = grouped(summary.played) + " of " + grouped(summary.seeds) + " seeds, " + fixed(rate, 0) +
                            " a second, " + grouped(summary.failed) + " failed";
  if (terminal_) {
    shown_ = true;
    return "\r  " + words + "   ";
  }
  const auto tenths = summary.seeds == 0 ? 0 : summary.played * 10 / summary.seeds;
  if (tenths == tenths_) return {};
  tenths_ = tenths;
  return "troupe: " + words + "\n";
}

void MessageLog::add(std::string_view line, bool message) {
  if (lines_.size() == kMostLines) lines_.pop_front();
  lines_.push_back({std::string(line), message});
}

void MessageLog::print(std::ostream& out, const std::vector<hunt::Violation>& violations) const {
  out << "what happened:\n";
  for (const auto& line : lines_)
    if (!line.message) out << "  " << line.text << "\n";
  const bool any = std::any_of(lines_.begin(), lines_.end(), [](const Line& line) { return line.message; });
  if (!any) return;
  std::set<RequestId> told;
  for (const auto& violation : violations) {
    if (violation.request.value == 0 || !told.insert(violation.request).second) continue;
    out << "messages of request id " << violation.request.value << ":\n";
    for (const auto& line : lines_)
      if (!line.message || is_about(line.text, violation.request)) out << "  " << line.text << "\n";
  }
  const auto kept = most_ == 0 ? lines_.size() : std::min<std::size_t>(most_, lines_.size());
  out << (kept == lines_.size() ? "all messages:\n" : "the last " + grouped(kept) + " messages:\n");
  for (auto line = lines_.end() - static_cast<std::ptrdiff_t>(kept); line != lines_.end(); ++line)
    out << "  " << line->text << "\n";
}

}  // namespace troupe
