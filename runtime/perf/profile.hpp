// Measured step times: the medians of Splitwise's published profile (cluster_configs/profiles/splitwise.csv, which the
// program carries), or of a file of the same columns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/perf/curve.hpp"
#include "runtime/perf/performance_model.hpp"

namespace troupe::perf {

/// What was measured of one model on one machine.
struct ProfileCurves {
  std::string model;
  std::string hardware;
  std::int32_t tensor_parallel = 1;
  Curve prompt;          ///< a step of prompts, by their tokens
  Curve token;           ///< one decode step, by prompt tokens times sequences, as Splitwise's simulator reads it
  Curve token_by_batch;  ///< one decode step, by the number of sequences (each with 512 tokens of prompt)
};

/// Columns model,hardware,tensor_parallel,curve,x,seconds with curve one of prompt, token, token_by_batch; lines that
/// begin with # are comments. kInvalidInput with line and column.
Result<std::vector<ProfileCurves>> parse_profile(std::string_view text, const std::string& file);

/// The profile that the program carries.
const std::vector<ProfileCurves>& built_in_profile();

/// kInvalidInput, with what there is, where nothing was measured for the placement.
Result<ProfileCurves> find_curves(const std::vector<ProfileCurves>& profile, const Placement& placement);

/// How a profile's curves become a step's time.
enum class DecodePricing : std::uint8_t {
  /// As Splitwise's simulator does: a decode step costs the token curve at the number of sequences, a step with both
  /// phases 1.1 times the prompt curve at all its tokens.
  kAsPublished,
  /// A decode step costs the profile's own sweep over batch sizes; beside prompts, what it costs over a batch of one.
  kByBatch,
};

class ProfileModel final : public PerformanceModel {
 public:
  ProfileModel(ProfileCurves curves, DecodePricing pricing) : curves_(std::move(curves)), pricing_(pricing) {}
  double step_seconds(const StepShape& step) const override;
  std::string describe() const override;
  const ProfileCurves& curves() const { return curves_; }

 private:
  ProfileCurves curves_;
  DecodePricing pricing_;
};

}  // namespace troupe::perf
