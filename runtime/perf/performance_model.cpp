#include "runtime/perf/performance_model.hpp"

#include "runtime/base/did_you_mean.hpp"
#include "runtime/perf/profile.hpp"
#include "runtime/perf/recorded.hpp"
#include "runtime/perf/roofline.hpp"

namespace troupe::perf {

std::vector<std::string> performance_model_names() {
  return {"profile", "profile_as_published", "roofline", "recorded"};
}

Result<std::unique_ptr<PerformanceModel>> make_performance_model(std::string_view name, const Placement& placement) {
  if (placement.tensor_parallel < 1 || placement.tensor_parallel > placement.hardware.gpus)
    return Error{ErrorCode::kInvalidInput, "a machine of " + placement.hardware.name + " has " +
                                               std::to_string(placement.hardware.gpus) + " GPUs; tensor parallelism " +
                                               std::to_string(placement.tensor_parallel) + " does not fit."};
  if (name == "roofline" && !(placement.hardware.peak_flops > 0 && placement.hardware.memory_bytes_per_s > 0))
    return Error{ErrorCode::kInvalidInput, "the hardware catalogue has no peak_tflops or no bandwidth_gb_per_s for " +
                                               placement.hardware.name + "; a roofline needs both."};
  if (name == "roofline") return std::unique_ptr<PerformanceModel>(std::make_unique<RooflineModel>(placement));
  if (name == "profile" || name == "profile_as_published") {
    TRY(curves, find_curves(built_in_profile(), placement));
    const auto pricing = name == "profile" ? DecodePricing::kByBatch : DecodePricing::kAsPublished;
    return std::unique_ptr<PerformanceModel>(std::make_unique<ProfileModel>(curves, pricing));
  }
  if (name == "recorded") {
    const auto points = placement.hardware.recorded.find(placement.model.name);
    if (points == placement.hardware.recorded.end())
      return Error{ErrorCode::kInvalidInput, "nothing was recorded of " + placement.model.name + " on " +
                                                 placement.hardware.name +
                                                 ": measure it there with troupe profile MODEL --out FILE, and give "
                                                 "that file with --hardware."};
    TRY(recorded, RecordedModel::fit(points->second));
    return std::unique_ptr<PerformanceModel>(std::make_unique<RecordedModel>(std::move(recorded)));
  }
  const auto names = performance_model_names();
  return Error{ErrorCode::kInvalidInput, "there is no performance model \"" + std::string(name) + "\"" +
                                             did_you_mean(name, names) +
                                             "; expected profile, profile_as_published, roofline or recorded."};
}

}  // namespace troupe::perf
