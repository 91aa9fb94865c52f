// Measures how long steps take on a device, for `troupe profile`.
//
// Owns: nothing but the steps that it makes. Promises: each kind of step (perf::RecordedModel says which) in a spread
// of sizes that the device has room for; each point the median of several runs at three moments, warmed up. What
// sequences attend to is written to the slab first, as reading pages that were never written would be too fast.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/device/device.hpp"
#include "runtime/perf/hardware.hpp"

namespace troupe {

struct StepProfileOptions {
  std::int32_t longest_prompt = 2048;  ///< tokens of one step
  std::int32_t most_decodes = 64;      ///< sequences of one step
  std::int32_t longest_context = 2048;
  double seconds_a_point = 0.5;  ///< run again until so much was measured, three times at least
};

/// The steps that are to be measured: what fits the options and the device.
std::vector<perf::StepShape> steps_to_profile(const device::DeviceInfo& info, const StepProfileOptions& options);

/// What was measured.
struct StepProfile {
  std::vector<perf::RecordedPoint> points;  ///< medians
  std::vector<double> jitter;  ///< quantiles of each run over its point's median, as perf::Hardware::jitter
};

/// Runs them on a device that nobody else uses. `show` hears of the share done; false from it ends the run early with
/// nothing. The device's slab must be addressable.
StepProfile profile_steps(device::Device& device, const StepProfileOptions& options,
                          const std::function<bool(double)>& show);

}  // namespace troupe
