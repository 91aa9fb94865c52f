// Service-level objectives as Splitwise states them: how many times slower than alone on a reference machine requests
// may be, at the 50th, 90th and 99th percentile (Table VI).
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/perf/profile.hpp"
#include "runtime/simulation/outcome.hpp"

namespace troupe::simulate {

inline constexpr std::array<double, 3> kSloPercentiles{50, 90, 99};

/// The largest slowdowns that are still good, by percentile (kSloPercentiles). What is measured must be strictly less.
struct SlowdownLimits {
  std::array<double, 3> ttft{2, 3, 6};
  std::array<double, 3> tbt{1.25, 1.5, 5};
  std::array<double, 3> e2e{1.25, 1.5, 5};
};

struct SloTargets {
  std::string reference = "a100-80gb";  ///< hardware on which a request is alone
  SlowdownLimits limits;
};

/// One of the nine.
struct SloCheck {
  std::string metric;  ///< "ttft", "tbt", "e2e"
  double percentile = 0;
  double slowdown = 0;
  double limit = 0;
  bool holds() const { return slowdown < limit; }
};

struct SloReport {
  std::vector<SloCheck> checks;  ///< nine, by metric and percentile
  double within = 0;             ///< share of all requests that are within the last limit of all three metrics
  bool all_hold() const;
  std::size_t holding() const;
};

/// How the gap between tokens is counted.
enum class TbtRule : std::uint8_t {
  kPerGap,    ///< (E2E - TTFT) / (output tokens - 1)
  kPerToken,  ///< (E2E - TTFT) / output tokens, as Splitwise's simulator does
};

/// Seconds; 0 for a request of one token.
double time_between_tokens(const simulation::RequestOutcome& request, TbtRule rule);

/// Slowdowns over the reference curves: TTFT over the prompt curve and TBT over the token curve, both at the prompt's
/// size, E2E over TTFT and output - 1 such TBTs. A request that did not finish is infinitely slow.
SloReport check_slos(std::span<const simulation::RequestOutcome> requests, const perf::ProfileCurves& reference,
                     const SlowdownLimits& limits, TbtRule rule);

}  // namespace troupe::simulate
