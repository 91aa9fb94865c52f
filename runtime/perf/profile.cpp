#include "runtime/perf/profile.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "runtime/base/csv.hpp"
#include "runtime/base/number.hpp"
#include "runtime/perf/embedded.hpp"

namespace troupe::perf {
namespace {

/// Splitwise's simulator: a step with both phases costs that much more than its tokens as prompts.
constexpr double kBothPhases = 1.1;

constexpr std::string_view kHeader = "model,hardware,tensor_parallel,curve,x,seconds";
constexpr std::array<std::string_view, 3> kCurves{"prompt", "token", "token_by_batch"};
constexpr std::size_t kMostLines = 100'000;

using Key = std::tuple<std::string, std::string, std::int32_t>;
using Points = std::array<std::vector<CurvePoint>, kCurves.size()>;

struct Reader {
  const std::string& file;
  std::size_t line = 0;

  Error wrong(std::size_t column, const std::string& what) const {
    return {ErrorCode::kInvalidInput, file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + what};
  }
};

Result<void> take_line(const Reader& reader, std::string_view line, std::map<Key, Points>& found) {
  const auto cell = csv_cells(line);
  if (cell.size() != 6) return reader.wrong(1, "expected six columns: " + std::string(kHeader) + ".");
  const auto parallel = parse_number<std::int32_t>(cell[2].text);
  if (!parallel || *parallel < 1 || *parallel > 64) return reader.wrong(cell[2].column, "expected 1 to 64 GPUs.");
  const auto curve = std::find(kCurves.begin(), kCurves.end(), cell[3].text);
  if (curve == kCurves.end()) return reader.wrong(cell[3].column, "expected prompt, token or token_by_batch.");
  const auto x = parse_number<double>(cell[4].text), seconds = parse_number<double>(cell[5].text);
  if (!x || !(*x > 0) || !(*x < 1e9)) return reader.wrong(cell[4].column, "expected a number above 0.");
  if (!seconds || !(*seconds > 0) || !(*seconds < 1e6))
    return reader.wrong(cell[5].column, "expected seconds above 0.");
  auto& points = found[{std::string(cell[0].text), std::string(cell[1].text), *parallel}]
                      [static_cast<std::size_t>(curve - kCurves.begin())];
  if (!points.empty() && points.back().x >= *x)
    return reader.wrong(cell[4].column, "expected the points of a curve in rising order of x.");
  points.push_back({*x, *seconds});
  return {};
}

}  // namespace

Result<std::vector<ProfileCurves>> parse_profile(std::string_view text, const std::string& file) {
  std::map<Key, Points> found;
  Reader reader{file};
  bool header = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (++reader.line > kMostLines) return reader.wrong(1, "a profile has at most 100,000 lines.");
    if (line.empty() || line.front() == '#') continue;
    if (!header) {
      if (line != kHeader) return reader.wrong(1, "expected the header " + std::string(kHeader) + ".");
      header = true;
      continue;
    }
    TRY_VOID(take_line(reader, line, found));
  }
  std::vector<ProfileCurves> out;
  for (auto& [key, points] : found) {
    const auto& [model, hardware, parallel] = key;
    for (std::size_t i = 0; i < kCurves.size(); ++i)
      if (points[i].size() < 2)
        return reader.wrong(1, "the curve " + std::string(kCurves[i]) + " of " + model + " on " + hardware +
                                   " needs two points at least.");
    out.push_back({model, hardware, parallel, Curve(std::move(points[0])), Curve(std::move(points[1])),
                   Curve(std::move(points[2]))});
  }
  if (out.empty()) return reader.wrong(1, "the profile holds no point.");
  return out;
}

const std::vector<ProfileCurves>& built_in_profile() {
  static const auto profile = parse_profile(kSplitwiseProfile, "splitwise.csv").value();
  return profile;
}

Result<ProfileCurves> find_curves(const std::vector<ProfileCurves>& profile, const Placement& placement) {
  std::string known;
  for (const auto& curves : profile) {
    if (curves.model == placement.model.name && curves.hardware == placement.hardware.name &&
        curves.tensor_parallel == placement.tensor_parallel)
      return curves;
    known += (known.empty() ? "" : ", ") + curves.model + " on " + curves.hardware + " with " +
             std::to_string(curves.tensor_parallel) + " GPUs";
  }
  return Error{ErrorCode::kInvalidInput, "the profile has no points for " + placement.model.name + " on " +
                                             placement.hardware.name + " with " +
                                             std::to_string(placement.tensor_parallel) + " GPUs; it has " + known +
                                             ". Choose one of these, or the performance model roofline."};
}

double ProfileModel::step_seconds(const StepShape& step) const {
  const auto prompts = static_cast<double>(step.prompt_tokens), decodes = static_cast<double>(step.decodes);
  if (pricing_ == DecodePricing::kAsPublished) {
    if (step.prompt_tokens == 0) return curves_.token.at(decodes);
    if (step.decodes == 0) return curves_.prompt.at(prompts);
    return curves_.prompt.at(prompts + decodes) * kBothPhases;
  }
  const auto decode_seconds = [&](double sequences) { return curves_.token_by_batch.at(sequences); };
  if (step.prompt_tokens == 0) return decode_seconds(std::max(decodes, 1.0));
  if (step.decodes == 0) return curves_.prompt.at(prompts);
  return curves_.prompt.at(prompts + decodes) + std::max(0.0, decode_seconds(decodes) - decode_seconds(1));
}

std::string ProfileModel::describe() const {
  return std::string("profile of ") + curves_.model + " on " + curves_.hardware + " with " +
         std::to_string(curves_.tensor_parallel) + " GPUs, decodes priced " +
         (pricing_ == DecodePricing::kAsPublished ? "as Splitwise's simulator does." : "by the profile's batch sweep.");
}

}  // namespace troupe::perf
