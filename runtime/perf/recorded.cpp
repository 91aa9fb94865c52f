#include "runtime/perf/recorded.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace troupe::perf {
namespace {

/// Least squares of y = slope * x.
class SlopeThroughZero {
 public:
  void add(double x, double y) {
    products_ += x * y;
    squares_ += x * x;
  }
  std::optional<double> slope() const {
    if (squares_ <= 0) return std::nullopt;
    return products_ / squares_;
  }

 private:
  double products_ = 0;
  double squares_ = 0;
};

/// Least squares of y = base + slope * x, neither below zero.
std::optional<std::pair<double, double>> line_through(const std::vector<CurvePoint>& points) {
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& point : points) {
    x += point.x;
    y += point.seconds;
    xx += point.x * point.x;
    xy += point.x * point.seconds;
  }
  const auto n = static_cast<double>(points.size());
  const double spread = n * xx - x * x;
  if (spread <= 0) return std::nullopt;
  const double slope = std::max(0.0, (n * xy - x * y) / spread);
  return std::pair{std::max(0.0, (y - slope * x) / n), slope};
}

/// By x, the mean where one x was measured several times.
std::vector<CurvePoint> by_x(const std::vector<CurvePoint>& points) {
  std::map<double, std::pair<double, int>> sums;
  for (const auto& point : points) {
    auto& [sum, count] = sums[point.x];
    sum += point.seconds;
    ++count;
  }
  std::vector<CurvePoint> out;
  for (const auto& [x, sum] : sums) out.push_back({x, sum.first / sum.second});
  return out;
}

Error too_few(const std::string& what) {
  return {ErrorCode::kInvalidInput,
          "the recorded points have too few of " + what + "; measure them with: troupe profile MODEL --out FILE"};
}

}  // namespace

RecordedModel::RecordedModel(Curve prompts, Curve decodes, Curve attention)
    : prompts_(std::move(prompts)), decodes_(std::move(decodes)), attention_(std::move(attention)) {}

Result<RecordedModel> RecordedModel::fit(const std::vector<RecordedPoint>& points) {
  std::vector<CurvePoint> prompts;
  std::map<double, std::vector<CurvePoint>> decodes;
  for (const auto& [step, seconds] : points) {
    if (step.prompt_tokens > 0 && step.decodes == 0 && step.prompt_context == 0)
      prompts.push_back({static_cast<double>(step.prompt_tokens), seconds});
    if (step.prompt_tokens == 0 && step.decodes > 0)
      decodes[static_cast<double>(step.decodes)].push_back({static_cast<double>(step.decode_context), seconds});
  }
  prompts = by_x(prompts);
  if (prompts.size() < 2) return too_few("prompts alone (two lengths)");
  std::vector<CurvePoint> bases, slopes;
  for (const auto& [batch, line] : decodes) {
    const auto fitted = line_through(line);
    if (!fitted) continue;
    bases.push_back({batch, fitted->first});
    slopes.push_back({batch, fitted->second});
  }
  if (bases.size() < 2) return too_few("decodes alone (two batch sizes, with two contexts each)");
  RecordedModel model(Curve(std::move(prompts)), Curve(std::move(bases)), Curve(std::move(slopes)));
  model.points_ = points.size();
  SlopeThroughZero chunks, beside;
  for (const auto& [step, seconds] : points) {
    if (step.prompt_context > 0 && step.decodes == 0)
      chunks.add(static_cast<double>(step.prompt_tokens) * static_cast<double>(step.prompt_context),
                 seconds - model.prompts_.at(static_cast<double>(step.prompt_tokens)));
  }
  model.chunk_slope_ = std::max(0.0, chunks.slope().value_or(0));
  for (const auto& [step, seconds] : points)
    if (step.prompt_tokens > 0 && step.decodes > 0)
      beside.add(model.decode_seconds(step), seconds - model.prompt_seconds(step));
  model.beside_prompt_ = std::clamp(beside.slope().value_or(1), 0.0, 2.0);
  return model;
}

double RecordedModel::prompt_seconds(const StepShape& step) const {
  if (step.prompt_tokens <= 0) return 0;
  const auto tokens = static_cast<double>(step.prompt_tokens);
  return std::max(0.0, prompts_.at(tokens)) + chunk_slope_ * tokens * static_cast<double>(step.prompt_context);
}

double RecordedModel::decode_seconds(const StepShape& step) const {
  if (step.decodes <= 0) return 0;
  const auto batch = static_cast<double>(step.decodes);
  return std::max(0.0, decodes_.at(batch)) +
         std::max(0.0, attention_.at(batch)) * static_cast<double>(step.decode_context);
}

double RecordedModel::step_seconds(const StepShape& step) const {
  const double share = step.prompt_tokens > 0 ? beside_prompt_ : 1;
  return prompt_seconds(step) + share * decode_seconds(step);
}

std::string RecordedModel::describe() const {
  return "recorded: " + std::to_string(points_) + " steps measured by troupe profile.";
}

}  // namespace troupe::perf
