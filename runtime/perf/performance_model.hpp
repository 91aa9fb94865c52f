// How long a step takes on a machine, by what is in it. Pure functions: the same step takes the same time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/perf/hardware.hpp"

namespace troupe::perf {

/// What one forward pass computes.
struct StepShape {
  std::int64_t prompt_tokens = 0;   ///< of all prompts, or parts of prompts, in the step
  std::int64_t prompt_context = 0;  ///< positions before those parts: what they attend to besides themselves
  std::int64_t decodes = 0;         ///< sequences that get one token each
  std::int64_t decode_context = 0;  ///< positions that these attend to, summed
};

/// Which machine computes which model.
struct Placement {
  Hardware hardware;
  ModelShape model;
  std::int32_t tensor_parallel = 8;
};

class PerformanceModel {
 public:
  virtual ~PerformanceModel() = default;
  /// Seconds of one step; above 0 for a step that computes anything.
  virtual double step_seconds(const StepShape& step) const = 0;
  /// One sentence: where the figures come from.
  virtual std::string describe() const = 0;
};

/// The names that make_performance_model knows: "profile", "profile_as_published", "roofline".
std::vector<std::string> performance_model_names();

/// kInvalidInput for a name that there is not, or a profile that has no points for the placement (with those it has).
Result<std::unique_ptr<PerformanceModel>> make_performance_model(std::string_view name, const Placement& placement);

}  // namespace troupe::perf
