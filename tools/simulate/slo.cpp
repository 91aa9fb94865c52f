#include "tools/simulate/slo.hpp"

#include <algorithm>
#include <limits>

#include "tools/simulate/percentiles.hpp"

namespace troupe::simulate {
namespace {

struct Slowdown {
  double ttft, tbt, e2e;
};

Slowdown slowdown_of(const simulation::RequestOutcome& request, const perf::ProfileCurves& reference, TbtRule rule) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  if (request.status != simulation::RequestStatus::kFinished) return {kNever, kNever, kNever};
  const double ttft = reference.prompt.at(request.prompt_tokens);
  const double tbt = reference.token.at(request.prompt_tokens);
  return {request.ttft_s / ttft, time_between_tokens(request, rule) / tbt,
          request.e2e_s / (ttft + tbt * (request.output_tokens - 1))};
}

void add_checks(std::vector<SloCheck>& checks, const std::string& metric, std::vector<double> slowdowns,
                const std::array<double, 3>& limits) {
  std::sort(slowdowns.begin(), slowdowns.end());
  for (std::size_t i = 0; i < kSloPercentiles.size(); ++i)
    checks.push_back({metric, kSloPercentiles[i], percentile_of_sorted(slowdowns, kSloPercentiles[i]), limits[i]});
}

}  // namespace

bool SloReport::all_hold() const { return holding() == checks.size(); }

std::size_t SloReport::holding() const {
  return static_cast<std::size_t>(
      std::count_if(checks.begin(), checks.end(), [](const SloCheck& check) { return check.holds(); }));
}

double time_between_tokens(const simulation::RequestOutcome& request, TbtRule rule) {
  const int gaps = rule == TbtRule::kPerToken ? request.output_tokens : request.output_tokens - 1;
  return gaps > 0 ? (request.e2e_s - request.ttft_s) / gaps : 0;
}

SloReport check_slos(std::span<const simulation::RequestOutcome> requests, const perf::ProfileCurves& reference,
                     const SlowdownLimits& limits, TbtRule rule) {
  std::vector<double> ttft, tbt, e2e;
  std::size_t within = 0;
  for (const auto& request : requests) {
    const auto slowdown = slowdown_of(request, reference, rule);
    ttft.push_back(slowdown.ttft);
    tbt.push_back(slowdown.tbt);
    e2e.push_back(slowdown.e2e);
    within +=
        slowdown.ttft < limits.ttft.back() && slowdown.tbt < limits.tbt.back() && slowdown.e2e < limits.e2e.back();
  }
  SloReport out;
  add_checks(out.checks, "ttft", std::move(ttft), limits.ttft);
  add_checks(out.checks, "tbt", std::move(tbt), limits.tbt);
  add_checks(out.checks, "e2e", std::move(e2e), limits.e2e);
  out.within = requests.empty() ? 0 : static_cast<double>(within) / static_cast<double>(requests.size());
  return out;
}

}  // namespace troupe::simulate
