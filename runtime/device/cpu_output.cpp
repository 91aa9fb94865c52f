#include "runtime/device/cpu_output.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>
#include <utility>

#include "kernels/matmul/matmul.hpp"
#include "kernels/rms_norm/rms_norm.hpp"
#include "runtime/base/random.hpp"

namespace troupe::device {

std::vector<SequenceResult> CpuOutput::run(const Step& step, const float* hidden, StepTimings& timings) {
  std::vector<SequenceResult> results(step.sequences.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i].request = step.sequences[i].request;
    results[i].prompt_logprobs.resize(step.sequences[i].next_tokens.size());
  }
  choose_rows(step);
  const auto vocab = static_cast<std::size_t>(machine_.config.vocab_size);
  const auto batch = std::max<std::size_t>(1, kLogitBytes / (vocab * sizeof(float)));
  for (std::size_t first = 0; first < rows_.size(); first += batch) {
    const auto count = std::min(batch, rows_.size() - first);
    compute_logits(hidden, first, count, timings);
    const AddTime time(timings.sampling);
    // Rows differ much in cost, so threads take them one by one; who takes which changes nothing.
    std::atomic<std::size_t> next = 0;
    const auto parts = std::min(count, machine_.parallel.width());
    // Here, and not in a part, which must not throw.
    scratch_.resize(std::max(scratch_.size(), parts));
    for (auto& scratch : scratch_) {
      scratch.weights.reserve(vocab);
      scratch.order.reserve(vocab);
    }
    finished_.resize(std::max(finished_.size(), count));
    machine_.parallel.run(parts, [&](std::size_t part) {
      for (std::size_t i = next++; i < count; i = next++) {
        const auto& row = rows_[first + i];
        finish_row(step.sequences[row.sequence], row, logits_.data() + i * vocab, scratch_[part], finished_[i]);
      }
    });
    for (std::size_t i = 0; i < count; ++i) {
      const auto& row = rows_[first + i];
      hand_over(step.sequences[row.sequence], row, std::move(finished_[i]), results[row.sequence]);
    }
  }
  return results;
}

void CpuOutput::choose_rows(const Step& step) {
  rows_.clear();
  std::int64_t row = 0;
  for (std::size_t i = 0; i < step.sequences.size(); ++i) {
    const auto& sequence = step.sequences[i];
    const auto count = static_cast<std::int64_t>(sequence.tokens.size());
    for (std::int64_t scored = 0; scored < static_cast<std::int64_t>(sequence.next_tokens.size()); ++scored)
      rows_.push_back({row + scored, i, scored});
    if (sequence.sample) rows_.push_back({row + count - 1, i, -1});
    row += count;
  }
}

void CpuOutput::compute_logits(const float* hidden, std::size_t first, std::size_t count, StepTimings& timings) {
  const auto width = machine_.config.hidden_size, vocab = machine_.config.vocab_size;
  float* normed = normed_.require(count * static_cast<std::size_t>(width));
  float* logits = logits_.require(count * static_cast<std::size_t>(vocab));
  for (std::size_t i = 0; i < count; ++i)
    kernels::rms_norm(machine_.isa, {.x = hidden + rows_[first + i].row * width,
                                     .weight = machine_.weights.final_norm.data(),
                                     .out = normed + static_cast<std::int64_t>(i) * width,
                                     .rows = 1,
                                     .width = width,
                                     .stride = width,
                                     .epsilon = static_cast<float>(machine_.config.rms_norm_epsilon)});
  const AddTime time(timings.matmul);
  const auto& head = machine_.weights.head;
  kernels::matmul(machine_.isa, machine_.parallel,
                  {.x = normed,
                   .x_stride = width,
                   .weights = &head.weights,
                   .bias = head.bias_or_null(),
                   .y = logits,
                   .y_stride = vocab,
                   .rows = static_cast<std::int64_t>(count)});
}

void CpuOutput::finish_row(const StepSequence& sequence, const Row& row, const float* logits,
                           kernels::SampleScratch& scratch, Finished& out) const {
  const auto& spec = *sequence.sampling;
  const auto vocab = static_cast<std::int32_t>(machine_.config.vocab_size);
  if (row.scored >= 0) {
    out.sampled =
        kernels::logprobs_of(machine_.isa, logits, vocab, sequence.next_tokens[static_cast<std::size_t>(row.scored)],
                             spec.prompt_logprobs.value_or(0), scratch);
    out.fault = out.sampled.token < 0 || std::isnan(out.sampled.logprob);
    return;
  }
  const std::span<const TokenId> history(sequence.history);
  const auto prompt_tokens = static_cast<std::size_t>(sequence.history_prompt_tokens);
  kernels::SampleRow args;
  args.logits = logits;
  args.vocab = vocab;
  args.params = &spec.params;
  args.prompt = history.first(prompt_tokens);
  args.generated = history.subspan(prompt_tokens);
  if (sequence.generated < spec.min_tokens) args.banned = spec.stop_tokens;
  args.uniform = uniform_draw({spec.seed, spec.choice, static_cast<std::uint64_t>(sequence.generated)});
  out.sampled = kernels::sample(machine_.isa, args, scratch);
  out.fault = out.sampled.token < 0;
}

void CpuOutput::hand_over(const StepSequence& sequence, const Row& row, Finished&& finished, SequenceResult& result) {
  result.numerical_fault |= finished.fault;
  if (row.scored >= 0) {
    result.prompt_logprobs[static_cast<std::size_t>(row.scored)] = std::move(finished.sampled);
    return;
  }
  result.token = finished.sampled.token;
  if (sequence.sampling->params.logprobs >= 0) result.logprobs = std::move(finished.sampled);
}

}  // namespace troupe::device
