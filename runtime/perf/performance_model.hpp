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

/// The names that make_performance_model knows: "profile", "profile_as_published", "roofline", "recorded".
std::vector<std::string> performance_model_names();

/// kInvalidInput for a name that there is not, or figures that are missing for the placement (with those there are).
Result<std::unique_ptr<PerformanceModel>> make_performance_model(std::string_view name, const Placement& placement);

}  // namespace troupe::perf
