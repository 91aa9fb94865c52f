// Rows of logits for the sampling tests, and the plain definition of the cuts in double with a full sort.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "kernels/core/cpu_isa.hpp"
#include "kernels/core/scalar.hpp"
#include "kernels/sampling/sampling.hpp"
#include "runtime/base/random.hpp"

namespace troupe::kernels {

inline std::vector<CpuIsa> all_isas() {
  std::vector<CpuIsa> isas;
  for (const CpuIsa isa : {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512})
    if (supports(isa)) isas.push_back(isa);
  return isas;
}

/// Logits as models give them: most far below a few. `grain` > 0 rounds them to its multiples, so that many are equal.
inline std::vector<float> random_logits(std::size_t count, std::uint64_t seed, double grain = 0) {
  RandomStream random(seed);
  std::vector<float> logits(count);
  for (float& logit : logits) {
    const double sum =
        random.unit() + random.unit() + random.unit() + random.unit() - 2.0;  // near a normal, deviation 0.58
    const double value = 8.0 * sum;
    logit = static_cast<float>(grain > 0 ? std::round(value / grain) * grain : value);
  }
  return logits;
}

/// Ids by falling value, ties by smaller id.
inline std::vector<std::int32_t> by_value(const std::vector<float>& values) {
  std::vector<std::int32_t> ids(values.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](std::int32_t a, std::int32_t b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  return ids;
}

/// The weights exp((logit - max) / temperature) after min_p, top_k and top_p, by their definitions.
inline std::vector<float> naive_weights(const std::vector<float>& logits, const SamplingParams& params) {
  const float max = *std::max_element(logits.begin(), logits.end());
  const float inverse = 1.0f / params.temperature;
  std::vector<float> weights;
  for (const float logit : logits) weights.push_back(exp_f32((logit - max) * inverse));
  for (float& weight : weights)
    if (weight < params.min_p) weight = 0;
  const auto order = by_value(weights);
  if (params.top_k > 0)
    for (std::size_t rank = static_cast<std::size_t>(params.top_k); rank < order.size(); ++rank)
      weights[static_cast<std::size_t>(order[rank])] = 0;
  if (params.top_p < 1) {
    double whole = 0;
    for (const float weight : weights) whole += static_cast<double>(weight);
    double before = 0;
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      float& weight = weights[static_cast<std::size_t>(order[rank])];
      const double mass = static_cast<double>(weight);
      if (rank > 0 && before >= static_cast<double>(params.top_p) * whole) weight = 0;
      before += mass;
    }
  }
  return weights;
}

inline SampleRow row_of(const std::vector<float>& logits, const SamplingParams& params, float uniform = 0) {
  SampleRow row;
  row.logits = logits.data();
  row.vocab = static_cast<std::int32_t>(logits.size());
  row.params = &params;
  row.uniform = uniform;
  return row;
}

inline std::int32_t token_of(const std::vector<float>& logits, const SamplingParams& params, float uniform = 0,
                             CpuIsa isa = best_cpu_isa()) {
  SampleScratch scratch;
  return sample(isa, row_of(logits, params, uniform), scratch).token;
}

}  // namespace troupe::kernels
