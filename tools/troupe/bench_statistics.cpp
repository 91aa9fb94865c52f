#include "tools/troupe/bench_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace troupe {
namespace {

bool is_good(const BenchSample& sample, const Goodput& goodput) {
  const auto within = [](double seconds, const std::optional<double>& bound_ms) {
    return !bound_ms || seconds * 1000.0 <= *bound_ms;
  };
  return within(sample.ttft, goodput.ttft_ms) && within(time_per_output_token(sample).value_or(0), goodput.tpot_ms) &&
         within(sample.latency, goodput.e2el_ms);
}

/// Tokens are spread evenly over the pieces that they came in, since a piece may hold several.
double best_second(std::span<const BenchSample> samples) {
  std::map<std::int64_t, double> tokens_of_second;
  for (const auto& sample : samples) {
    if (!sample.ok || sample.output_tokens == 0) continue;
    const double share = static_cast<double>(sample.output_tokens) / static_cast<double>(sample.gaps.size() + 1);
    double at = sample.start + sample.ttft;
    tokens_of_second[static_cast<std::int64_t>(at)] += share;
    for (const double gap : sample.gaps) tokens_of_second[static_cast<std::int64_t>(at += gap)] += share;
  }
  double best = 0;
  for (const auto& [second, tokens] : tokens_of_second) best = std::max(best, tokens);
  return best;
}

std::uint64_t most_at_once(std::span<const BenchSample> samples) {
  std::vector<std::pair<double, int>> changes;
  for (const auto& sample : samples) {
    if (!sample.ok) continue;
    changes.emplace_back(sample.start, 1);
    changes.emplace_back(sample.start + sample.latency, -1);
  }
  // At equal times an end sorts before a start: one request after another is never two.
  std::sort(changes.begin(), changes.end());
  std::int64_t now = 0, most = 0;
  for (const auto& [at, change] : changes) most = std::max(most, now += change);
  return static_cast<std::uint64_t>(most);
}

}  // namespace

double percentile(std::span<const double> sorted, double percent) {
  if (sorted.empty()) return 0;
  const double place = std::clamp(percent, 0.0, 100.0) / 100.0 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
}

Distribution describe(std::vector<double> seconds, std::span<const double> percents) {
  Distribution out;
  out.percentiles.assign(percents.size(), 0.0);
  if (seconds.empty()) return out;
  std::sort(seconds.begin(), seconds.end());
  const auto count = static_cast<double>(seconds.size());
  const double mean = std::accumulate(seconds.begin(), seconds.end(), 0.0) / count;
  double squares = 0;
  for (const double value : seconds) squares += (value - mean) * (value - mean);
  out.mean = mean * 1000.0;
  out.median = percentile(seconds, 50) * 1000.0;
  out.stddev = std::sqrt(squares / count) * 1000.0;
  for (std::size_t i = 0; i < percents.size(); ++i) out.percentiles[i] = percentile(seconds, percents[i]) * 1000.0;
  return out;
}

std::optional<double> time_per_output_token(const BenchSample& sample) {
  if (sample.output_tokens < 2) return std::nullopt;
  return std::max(0.0, sample.latency - sample.ttft) / static_cast<double>(sample.output_tokens - 1);
}

BenchSummary summarise(std::span<const BenchSample> samples, double duration, std::span<const double> percents,
                       const Goodput& goodput) {
  BenchSummary out;
  out.duration = duration;
  out.percents.assign(percents.begin(), percents.end());
  std::vector<double> ttft, tpot, itl, e2el;
  std::uint64_t good = 0;
  for (const auto& sample : samples) {
    if (!sample.ok) {
      ++out.failed;
      continue;
    }
    ++out.completed;
    out.input_tokens += sample.input_tokens;
    out.output_tokens += sample.output_tokens;
    e2el.push_back(sample.latency);
    itl.insert(itl.end(), sample.gaps.begin(), sample.gaps.end());
    if (sample.output_tokens > 0) ttft.push_back(sample.ttft);
    if (const auto time = time_per_output_token(sample)) tpot.push_back(*time);
    good += is_good(sample, goodput);
  }
  const auto rate = [&](double count) { return duration > 0 ? count / duration : 0; };
  out.request_throughput = rate(static_cast<double>(out.completed));
  if (goodput.asked_for()) out.request_goodput = rate(static_cast<double>(good));
  out.output_throughput = rate(static_cast<double>(out.output_tokens));
  out.total_throughput = rate(static_cast<double>(out.input_tokens + out.output_tokens));
  out.peak_output_throughput = best_second(samples);
  out.peak_concurrency = most_at_once(samples);
  out.ttft = describe(std::move(ttft), percents);
  out.tpot = describe(std::move(tpot), percents);
  out.itl = describe(std::move(itl), percents);
  out.e2el = describe(std::move(e2el), percents);
  return out;
}

}  // namespace troupe
