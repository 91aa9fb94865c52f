#include "runtime/workload/generate.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/random.hpp"

namespace troupe::workload {
namespace {

constexpr std::array kProcesses{ArrivalProcess::kConstant, ArrivalProcess::kPoisson, ArrivalProcess::kGamma};

/// In (0, 1]: its logarithm is finite.
double open_unit(RandomStream& random) { return 1.0 - random.unit(); }

/// Box and Muller's cosine half: one normal draw of two uniform ones.
double normal(RandomStream& random) {
  constexpr double kTwoPi = 6.283185307179586;
  const double radius = std::sqrt(-2.0 * std::log(open_unit(random)));
  return radius * std::cos(kTwoPi * random.unit());
}

/// A gamma draw of the given shape and scale 1, by Marsaglia and Tsang's squeeze (ACM TOMS 26, 2000); shapes under 1 by
/// their boost from shape + 1.
double gamma_draw(RandomStream& random, double shape) {
  if (shape < 1) {
    const double boost = std::pow(open_unit(random), 1.0 / shape);
    return gamma_draw(random, shape + 1) * boost;
  }
  const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = normal(random);
    const double v = std::pow(1.0 + c * x, 3);
    if (v <= 0) continue;
    if (std::log(open_unit(random)) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

double gap(RandomStream& random, const LoadRecipe& recipe) {
  switch (recipe.process) {
    case ArrivalProcess::kConstant:
      return 1.0 / recipe.rate;
    case ArrivalProcess::kPoisson:
      return -std::log(open_unit(random)) / recipe.rate;
    case ArrivalProcess::kGamma: {
      const double shape = 1.0 / (recipe.burstiness * recipe.burstiness);
      return gamma_draw(random, shape) / (shape * recipe.rate);
    }
  }
  return 1.0 / recipe.rate;
}

std::int32_t length(RandomStream& random, const LengthDistribution& lengths) {
  constexpr double kNormal90 = 1.2815515655446004;  // the standard normal's 90th percentile
  const double sigma = std::log(lengths.p90 / lengths.median) / kNormal90;
  const double drawn = lengths.median * std::exp(sigma * normal(random));
  return static_cast<std::int32_t>(std::clamp(std::round(drawn), 1.0, static_cast<double>(kMostTokens)));
}

Error refused(const std::string& what) { return {ErrorCode::kInvalidInput, what}; }

bool is_good(const LengthDistribution& lengths) {
  return lengths.median >= 1 && lengths.p90 >= lengths.median && lengths.p90 <= kMostTokens;
}

}  // namespace

const char* to_string(ArrivalProcess process) {
  switch (process) {
    case ArrivalProcess::kConstant:
      return "constant";
    case ArrivalProcess::kPoisson:
      return "poisson";
    case ArrivalProcess::kGamma:
      return "gamma";
  }
  return "?";
}

Result<ArrivalProcess> parse_arrival_process(std::string_view name) {
  std::vector<std::string> names;
  for (const auto process : kProcesses) {
    if (name == to_string(process)) return process;
    names.emplace_back(to_string(process));
  }
  return refused("there is no arrival process \"" + std::string(name) + "\"" + did_you_mean(name, names) +
                 "; expected constant, poisson or gamma.");
}

Result<Load> generate(const LoadRecipe& recipe) {
  if (!(recipe.rate > 0) || !std::isfinite(recipe.rate)) return refused("the rate must be above 0 requests a second.");
  if (!(recipe.seconds > 0 && recipe.seconds <= kLongestSeconds))
    return refused("the load's duration must be above 0 and at most 1,000,000,000 seconds.");
  if (recipe.rate * recipe.seconds > kMostGenerated)
    return refused("rate times duration must not be over 20,000,000 requests.");
  if (!(recipe.burstiness >= 0.1 && recipe.burstiness <= 20))
    return refused("the burstiness (coefficient of variation of the gaps) must be from 0.1 to 20.");
  if (!is_good(recipe.prompt) || !is_good(recipe.output))
    return refused("lengths must be at least 1 token, and their 90th percentile no less than their median.");
  if (recipe.lengths && recipe.lengths->seen.empty()) return refused("the file of lengths holds no request.");
  // Streams of their own, so that another rate changes when requests arrive and not how long they are.
  RandomStream gaps(mix64(recipe.seed) ^ 1), prompts(mix64(recipe.seed) ^ 2), outputs(mix64(recipe.seed) ^ 3);
  Load out;
  out.reserve(static_cast<std::size_t>(recipe.rate * recipe.seconds * 1.1) + 16);
  for (double at = gap(gaps, recipe); at < recipe.seconds && static_cast<double>(out.size()) < 2 * kMostGenerated;
       at += gap(gaps, recipe)) {
    Arrival arrival{std::chrono::nanoseconds(std::llround(at * 1e9))};
    arrival.id = static_cast<std::int64_t>(out.size());
    if (recipe.lengths) {
      const auto& seen = recipe.lengths->seen;
      const auto row = prompts.below(seen.size());
      arrival.prompt_tokens = seen[row].prompt_tokens;
      arrival.output_tokens = seen[recipe.lengths->together ? row : outputs.below(seen.size())].output_tokens;
    } else {
      arrival.prompt_tokens = length(prompts, recipe.prompt);
      arrival.output_tokens = length(outputs, recipe.output);
    }
    out.push_back(std::move(arrival));
  }
  if (out.empty()) return refused("no request arrives within so short a load at that rate; give it more seconds.");
  return out;
}

}  // namespace troupe::workload
