#include "kernels/sampling/logprobs.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "kernels/core/check.hpp"

namespace troupe::kernels {
namespace sampling {
namespace {

// The `top` likeliest ids, best first, ties by smaller id, at the front of `order`. Until the end it is a heap whose
// first is the worst.
void likeliest(const Passes& passes, const float* logits, std::int64_t n, std::int64_t top,
               std::vector<std::int32_t>& order) {
  if (top == 0) return;
  const auto likelier = [logits](std::int32_t a, std::int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  order.resize(std::max(order.size(), static_cast<std::size_t>(top)));
  const auto begin = order.begin(), end = begin + top;
  std::iota(begin, end, 0);
  std::make_heap(begin, end, likelier);
  // A later equal has the larger id, and loses.
  for (std::int64_t i = passes.next_above(logits, top, n, logits[*begin]); i < n;
       i = passes.next_above(logits, i + 1, n, logits[*begin])) {
    std::pop_heap(begin, end, likelier);
    *(end - 1) = static_cast<std::int32_t>(i);
    std::push_heap(begin, end, likelier);
  }
  std::sort_heap(begin, end, likelier);
}

}  // namespace

// x = m 2^e with m in [sqrt(1/2), sqrt(2)), ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.1716: eleven terms of
// the series.
double natural_log(double x) {
  constexpr double kLn2High = 0x1.62e42fee00000p-1;  // 32 bits: times an exponent it is exact
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  auto exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double series = 0;
  for (int odd = 21; odd >= 3; odd -= 2) series = series * z + 1.0 / odd;
  const double e = exponent;
  return e * kLn2High + (2.0 * s + (2.0 * s * z * series + e * kLn2Low));
}

void fill_logprobs(const Passes& passes, const float* logits, std::int64_t n, const Scan& scan, std::int32_t token,
                   std::int32_t top, std::vector<std::int32_t>& order, Sampled& result) {
  double total = 0;
  for (std::int64_t run = 0; run < n; run += kRun)
    total += static_cast<double>(passes.sum_exponentials(logits + run, std::min(kRun, n - run), scan.max));
  const double log_total = natural_log(total);
  const auto logprob = [&](std::int64_t id) {
    return static_cast<float>(static_cast<double>(logits[id]) - static_cast<double>(scan.max) - log_total);
  };
  result.token = token;
  result.logprob = logprob(token);
  // Before the token, equals come first too.
  std::int64_t ahead = passes.count_above(logits, n, logits[token]);
  for (std::int64_t i = 0; i < token; ++i) ahead += logits[i] == logits[token] ? 1 : 0;
  result.rank = static_cast<std::int32_t>(ahead + 1);
  const std::int64_t alternatives = std::clamp<std::int64_t>(top, 0, n);
  likeliest(passes, logits, n, alternatives, order);
  result.top.clear();
  result.top.reserve(static_cast<std::size_t>(alternatives));
  for (std::int64_t i = 0; i < alternatives; ++i) {
    const std::int32_t id = order[static_cast<std::size_t>(i)];
    result.top.push_back({id, logprob(id)});
  }
}

}  // namespace sampling

Sampled logprobs_of(CpuIsa isa, const float* logits, std::int32_t vocab, std::int32_t token, std::int32_t top,
                    SampleScratch& scratch) {
  KERNEL_CHECK(token >= 0 && token < vocab, token, vocab);
  const sampling::Passes& passes = sampling::passes_of(isa);
  const sampling::Scan scan = passes.scan(logits, vocab);
  Sampled result;
  if (scan.bad) {
    result.token = -1;
    return result;
  }
  sampling::fill_logprobs(passes, logits, vocab, scan, token, top, scratch.order, result);
  return result;
}

}  // namespace troupe::kernels
