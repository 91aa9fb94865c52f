#include "kernels/sampling/sampling.hpp"

#include <algorithm>
#include <limits>

#include "kernels/core/check.hpp"
#include "kernels/sampling/cuts.hpp"
#include "kernels/sampling/logprobs.hpp"
#include "kernels/sampling/passes.hpp"

namespace troupe::kernels {
namespace {

using sampling::Passes;
using sampling::Scan;

bool names_a_token(std::int32_t id, const SampleRow& row) { return id >= 0 && id < row.vocab; }

// A penalty close to 0 must not make infinity out of a finite logit: that would be taken for a fault of the model.
float capped(float logit) {
  constexpr float kMost = std::numeric_limits<float>::max();
  return logit > kMost ? kMost : logit;
}

void apply_penalties(const SampleRow& row, float* logits, std::vector<std::int32_t>& seen) {
  constexpr std::int32_t kInPrompt = 1 << 30;
  const SamplingParams& params = *row.params;
  seen.assign(static_cast<std::size_t>(row.vocab), 0);
  for (const std::int32_t id : row.prompt)
    if (names_a_token(id, row)) seen[static_cast<std::size_t>(id)] = kInPrompt;
  for (const std::int32_t id : row.generated)
    if (names_a_token(id, row)) ++seen[static_cast<std::size_t>(id)];
  for (const std::span<const std::int32_t> history : {row.prompt, row.generated}) {
    for (const std::int32_t id : history) {
      if (!names_a_token(id, row)) continue;
      std::int32_t& mark = seen[static_cast<std::size_t>(id)];
      if (mark == 0) continue;  // done at an earlier occurrence
      const std::int32_t times = mark & ~kInPrompt;
      mark = 0;
      float& logit = logits[id];
      logit = capped(logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty);
      logit -= params.frequency_penalty * static_cast<float>(times);
      if (times > 0) logit -= params.presence_penalty;
      logit = capped(logit);
    }
  }
}

// The logits after everything that can change which one is largest: the row's own, or a changed copy in the scratch
// memory.
const float* edited_logits(const SampleRow& row, SampleScratch& scratch) {
  const SamplingParams& params = *row.params;
  if (params.logit_bias.empty() && row.banned.empty() && !params.needs_history()) return row.logits;
  scratch.weights.assign(row.logits, row.logits + row.vocab);
  float* logits = scratch.weights.data();
  for (const auto& [id, bias] : params.logit_bias)
    if (names_a_token(id, row)) logits[id] = capped(logits[id] + bias);
  for (const std::int32_t id : row.banned)
    if (names_a_token(id, row)) logits[id] = -std::numeric_limits<float>::infinity();
  if (params.needs_history()) apply_penalties(row, logits, scratch.order);
  return logits;
}

// The token at which the running sum of the weights passes `uniform` of their total: runs first, then inside one run.
std::int32_t draw(const Passes& passes, const float* weights, std::int64_t n, float uniform) {
  const auto run_sum = [&](std::int64_t run) {
    return static_cast<double>(passes.sum_above(weights + run, std::min(sampling::kRun, n - run), 0.0f));
  };
  double total = 0;
  for (std::int64_t run = 0; run < n; run += sampling::kRun) total += run_sum(run);
  const double target = static_cast<double>(uniform) * total;
  double before = 0;
  std::int64_t run = 0;
  for (; run + sampling::kRun < n; run += sampling::kRun) {
    const double next = before + run_sum(run);
    if (next > target) break;
    before = next;
  }
  // The run's float sum may exceed that of its members by a rounding: the last member then takes the difference.
  std::int64_t token = -1;
  for (std::int64_t i = run; i < std::min(run + sampling::kRun, n); ++i) {
    if (!(weights[i] > 0)) continue;
    token = i;
    before += static_cast<double>(weights[i]);
    if (before > target) break;
  }
  return static_cast<std::int32_t>(token);
}

std::int32_t choose(const Passes& passes, const SampleRow& row, const float* logits, const Scan& scan,
                    SampleScratch& scratch) {
  constexpr float kLeastTemperature =
      1e-30f;  // its inverse is finite; from far above it only the maximum has any weight
  const SamplingParams& params = *row.params;
  if (!(params.temperature > 0) || params.top_k == 1) return static_cast<std::int32_t>(scan.index);
  KERNEL_CHECK(row.uniform >= 0 && row.uniform < 1, params.top_k, row.vocab);
  const std::int64_t n = row.vocab;
  scratch.weights.resize(static_cast<std::size_t>(n));
  float* weights = scratch.weights.data();
  passes.exponentials(logits, weights, n, scan.max, 1.0f / std::max(params.temperature, kLeastTemperature));
  // The largest weight is 1: a token's share of the best probability is its weight.
  if (params.min_p > 0) passes.drop_below(weights, n, std::min(params.min_p, 1.0f));
  if (params.top_k > 0 && params.top_k < n) sampling::keep_largest(passes, weights, n, params.top_k, scratch.order);
  if (params.top_p < 1) sampling::keep_nucleus(passes, weights, n, params.top_p, scratch.order);
  return draw(passes, weights, n, row.uniform);
}

}  // namespace

Sampled sample(CpuIsa isa, const SampleRow& row, SampleScratch& scratch) {
  const Passes& passes = sampling::passes_of(isa);
  const SamplingParams& params = *row.params;
  Sampled result;
  result.token = -1;
  const Scan raw = passes.scan(row.logits, row.vocab);
  if (raw.bad) return result;
  const float* logits = edited_logits(row, scratch);
  const Scan scan = logits == row.logits ? raw : passes.scan(logits, row.vocab);
  if (scan.bad) return result;
  result.token = choose(passes, row, logits, scan, scratch);
  if (params.logprobs >= 0)
    sampling::fill_logprobs(passes, row.logits, row.vocab, raw, result.token, params.logprobs, scratch.order, result);
  return result;
}

}  // namespace troupe::kernels
