// Step times from a machine's peaks and a model's shape, where nothing was measured.
#pragma once

#include <string>

#include "runtime/perf/performance_model.hpp"

namespace troupe::perf {

/// A step takes as long as the slower of its arithmetic and its memory traffic, each at a share of the peak that real
/// kernels reach, and a fixed time for launches and for each layer's exchange between GPUs.
class RooflineModel final : public PerformanceModel {
 public:
  explicit RooflineModel(const Placement& placement) : placement_(placement) {}
  double step_seconds(const StepShape& step) const override;
  std::string describe() const override;

 private:
  Placement placement_;
};

}  // namespace troupe::perf
