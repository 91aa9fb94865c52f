// What `troupe doctor` found: one line each, well or not, with what to do next.
#pragma once

#include <string>
#include <vector>

namespace troupe {

enum class Verdict { kOk, kWarn, kBad };

/// "ok", "warn", "bad"
const char* to_string(Verdict verdict);

struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string what;    ///< "cpu", "shared memory", "port"
  std::string found;   ///< what there is
  std::string advice;  ///< what to do next; empty where all is well
};

/// A line each, with the advice below it.
std::string as_text(const std::vector<Finding>& findings);
/// A JSON list of {verdict, what, found, advice}.
std::string as_json(const std::vector<Finding>& findings);

/// 0 where nothing is bad, 69 where something is.
int exit_code_of(const std::vector<Finding>& findings);

}  // namespace troupe
