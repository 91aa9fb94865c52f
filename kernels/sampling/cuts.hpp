// Top-k and top-p without sorting a vocabulary: only tokens above a bound that surely holds the cut are looked at, a
// histogram over their weights' leading bits finds the bucket where the cut lies, and only that bucket's tokens are put
// in order.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/sampling/passes.hpp"

namespace troupe::kernels::sampling {

/// Keeps the k > 0 largest of weights[0..n), each in [0, 1], ties by smaller index; the others become 0.
/// `order` is scratch memory.
void keep_largest(const Passes& passes, float* weights, std::int64_t n, std::int64_t k,
                  std::vector<std::int32_t>& order);

/// Keeps the fewest largest weights (ties by smaller index) that together hold at least `share` of the whole, and
/// always the largest one; the others become 0. weights[0..n), each in [0, 1]. `order` is scratch memory.
void keep_nucleus(const Passes& passes, float* weights, std::int64_t n, float share, std::vector<std::int32_t>& order);

}  // namespace troupe::kernels::sampling
