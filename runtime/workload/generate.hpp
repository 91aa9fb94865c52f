// Loads that are made up: when requests arrive, and how long they are. A pure function of its seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/workload/arrival.hpp"

namespace troupe::workload {

/// How the gaps between arrivals are spread around their mean.
enum class ArrivalProcess : std::uint8_t {
  kConstant,  ///< all alike
  kPoisson,   ///< exponential: requests know nothing of each other
  kGamma,     ///< gamma with the coefficient of variation that was asked for: above 1, bursts
};

/// "constant", "poisson", "gamma".
const char* to_string(ArrivalProcess process);
/// kInvalidInput with the names there are.
Result<ArrivalProcess> parse_arrival_process(std::string_view name);

/// Token counts of one side, prompt or answer: log-normal, by its median and its 90th percentile, both at least 1; with
/// both alike all have that length.
struct LengthDistribution {
  double median = 1;
  double p90 = 1;
};

/// Lengths by what was seen: each request draws its prompt and its answer from `seen`, each for itself as Splitwise's
/// trace generator does, or (`together`) both from one row.
struct SeenLengths {
  Load seen;  ///< at least one
  bool together = false;
};

struct LoadRecipe {
  ArrivalProcess process = ArrivalProcess::kPoisson;
  double rate = 1;                        ///< requests/s, above 0
  double burstiness = 1;                  ///< coefficient of variation of kGamma's gaps, from 0.1 to 20
  double seconds = 60;                    ///< requests that would arrive later are not made
  LengthDistribution prompt{1020, 3000};  ///< where `lengths` is not given
  LengthDistribution output{129, 400};
  std::optional<SeenLengths> lengths;
  std::uint64_t seed = 0;
};

/// The longest load: about 31 years, so that sums of its times fit nanoseconds.
inline constexpr double kLongestSeconds = 1e9;

/// Most requests that a recipe may ask for (rate x seconds).
inline constexpr double kMostGenerated = 20'000'000;

/// kInvalidInput where the recipe asks for what there cannot be, or for more than kMostGenerated.
Result<Load> generate(const LoadRecipe& recipe);

}  // namespace troupe::workload
