// Step times measured on a machine at hand by `troupe profile`, and what lies between them.
#pragma once

#include <optional>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/perf/curve.hpp"
#include "runtime/perf/performance_model.hpp"

namespace troupe::perf {

/// Fitted to points of four kinds:
///   prompts alone      a curve over their tokens, piecewise linear: R(p)
///   prompts in chunks  what a token and position before the chunk costs more: a
///   decodes alone      for each batch size a line over the positions attended to, between sizes interpolated: D(b, c)
///   both in one step   the share of D that is left beside a prompt, since weights are read once: k
/// A step costs R(p) + a * p * prompt_context + k * D(b, c). Shares and slopes are least squares through zero.
class RecordedModel final : public PerformanceModel {
 public:
  /// kInvalidInput, with what is missing, for fewer than two lengths of prompts alone or two batch sizes of decodes
  /// alone, each with two different contexts.
  static Result<RecordedModel> fit(const std::vector<RecordedPoint>& points);

  double step_seconds(const StepShape& step) const override;
  std::string describe() const override;

 private:
  RecordedModel(Curve prompts, Curve decodes, Curve attention);
  double prompt_seconds(const StepShape& step) const;
  double decode_seconds(const StepShape& step) const;

  Curve prompts_;
  Curve decodes_;    ///< by batch size, without any position to attend to
  Curve attention_;  ///< by batch size: seconds a position
  double chunk_slope_ = 0;
  double beside_prompt_ = 1;
  std::size_t points_ = 0;
};

}  // namespace troupe::perf
