#include "runtime/perf/roofline.hpp"

#include <algorithm>

namespace troupe::perf {
namespace {

// Shares of the peak that well-tuned kernels reach on such machines, and seconds that no peak explains: launches for
// the step, and two all-reduces a layer where several GPUs share the work.
constexpr double kArithmeticShare = 0.5;
constexpr double kBandwidthShare = 0.7;
constexpr double kStepSeconds = 1e-3;
constexpr double kExchangeSeconds = 30e-6;

}  // namespace

double RooflineModel::step_seconds(const StepShape& step) const {
  const auto& model = placement_.model;
  const double tokens = static_cast<double>(step.prompt_tokens + step.decodes);
  if (tokens <= 0) return 0;
  const double gpus = placement_.tensor_parallel;
  // A multiply and an add for each parameter and token; attention's two products for each pair of positions, of which
  // a prompt has half since it looks only back.
  const double pairs = static_cast<double>(step.prompt_tokens) * static_cast<double>(step.prompt_tokens) / 2 +
                       static_cast<double>(step.prompt_context) + static_cast<double>(step.decode_context);
  const double flops = 2 * model.parameters * tokens + 4.0 * model.layers * model.hidden * pairs;
  const double bytes = static_cast<double>(model.weight_bytes) +
                       static_cast<double>(model.kv_bytes_per_token()) *
                           (tokens + static_cast<double>(step.prompt_context + step.decode_context));
  const double arithmetic = flops / (placement_.hardware.peak_flops * gpus * kArithmeticShare);
  const double traffic = bytes / (placement_.hardware.memory_bytes_per_s * gpus * kBandwidthShare);
  const double exchanges = gpus > 1 ? kExchangeSeconds * model.layers : 0;
  return std::max(arithmetic, traffic) + exchanges + kStepSeconds;
}

std::string RooflineModel::describe() const {
  return "roofline of " + placement_.hardware.name + ": half the peak arithmetic, 70 % of the memory bandwidth.";
}

}  // namespace troupe::perf
