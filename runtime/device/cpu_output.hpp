// From hidden states to tokens: logits for the rows that are sampled or scored, then sampling and log-probabilities.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/sampling/sampling.hpp"
#include "runtime/device/cpu_forward.hpp"
#include "runtime/device/step.hpp"

namespace troupe::device {

/// Works through a step's output rows, as many at a time as fit kLogitBytes, so that prompt log-probabilities over a
/// large vocabulary need little memory.
class CpuOutput {
 public:
  static constexpr std::size_t kLogitBytes = 64 << 20;

  explicit CpuOutput(const CpuMachine& machine) : machine_(machine) {}

  /// `hidden` is what CpuForward::run returned for the same step. Adds to matmul and sampling times.
  std::vector<SequenceResult> run(const Step& step, const float* hidden, StepTimings& timings);

 private:
  /// A row whose logits are wanted: to sample from, or to score the prompt's next token.
  struct Row {
    std::int64_t row = 0;
    std::size_t sequence = 0;
    std::int64_t scored = -1;  ///< index into next_tokens; -1: sample
  };

  struct Finished {
    kernels::Sampled sampled;
    bool fault = false;
  };

  void choose_rows(const Step& step);
  void compute_logits(const float* hidden, std::size_t first, std::size_t count, StepTimings& timings);
  void finish_row(const StepSequence& sequence, const Row& row, const float* logits, kernels::SampleScratch& scratch,
                  Finished& out) const;
  static void hand_over(const StepSequence& sequence, const Row& row, Finished&& finished, SequenceResult& result);

  const CpuMachine& machine_;
  std::vector<Row> rows_;
  std::vector<kernels::SampleScratch> scratch_;  ///< one for each part that runs at once
  std::vector<Finished> finished_;               ///< one for each row of a batch: threads write no row's result twice
  CpuBuffer normed_, logits_;
};

}  // namespace troupe::device
