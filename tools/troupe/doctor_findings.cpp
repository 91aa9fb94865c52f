#include "tools/troupe/doctor_findings.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tools/troupe/exit_codes.hpp"

namespace troupe {

const char* to_string(Verdict verdict) {
  return verdict == Verdict::kOk ? "ok" : verdict == Verdict::kWarn ? "warn" : "bad";
}

std::string as_text(const std::vector<Finding>& findings) {
  constexpr std::size_t kVerdictWidth = 6;
  std::size_t widest = 0;
  for (const auto& finding : findings) widest = std::max(widest, finding.what.size());
  std::string text;
  for (const auto& finding : findings) {
    std::string line = to_string(finding.verdict);
    line.resize(kVerdictWidth, ' ');
    line += finding.what + std::string(widest + 2 - finding.what.size(), ' ') + finding.found + "\n";
    text += line;
    if (!finding.advice.empty()) text += std::string(kVerdictWidth + widest + 2, ' ') + "-> " + finding.advice + "\n";
  }
  return text;
}

std::string as_json(const std::vector<Finding>& findings) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& finding : findings)
    list.push_back({{"verdict", to_string(finding.verdict)},
                    {"what", finding.what},
                    {"found", finding.found},
                    {"advice", finding.advice}});
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

int exit_code_of(const std::vector<Finding>& findings) {
  const bool bad = std::any_of(findings.begin(), findings.end(),
                               [](const auto& finding) { return finding.verdict == Verdict::kBad; });
  return bad ? kExitUnavailable : kExitOk;
}

}  // namespace troupe
