// Log-probabilities of a row of logits whose maximum is known.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/sampling/passes.hpp"
#include "kernels/sampling/sampling.hpp"

namespace troupe::kernels::sampling {

/// Fills token, logprob, rank and top. `scan` is the row's, and not bad; token in [0, n); `order` is scratch memory.
void fill_logprobs(const Passes& passes, const float* logits, std::int64_t n, const Scan& scan, std::int32_t token,
                   std::int32_t top, std::vector<std::int32_t>& order, Sampled& result);

/// ln x for a finite x >= 1, good to 1e-15, without libm: the same bits on every host.
double natural_log(double x);

}  // namespace troupe::kernels::sampling
