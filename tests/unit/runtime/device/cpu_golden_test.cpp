// The CPU device against transformers in float32, for each architecture, scaling and feature.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/unit/runtime/device/cpu_device_runner.hpp"

namespace troupe::device {
namespace {

class CpuGolden : public testing::TestWithParam<const char*> {};

TEST_P(CpuGolden, LogprobsAfterEachPromptTokenAreWithinAThousandth) {
  const auto golden = read_golden(GetParam());
  const auto device = load_device(golden_models() + GetParam());
  auto spec = std::make_shared<SamplingSpec>();
  spec->params.temperature = 0;
  spec->params.logprobs = golden.vocab;
  spec->prompt_logprobs = golden.vocab;
  StepSequence sequence =
      start_run(golden.prompt, scattered_blocks(3, 5, golden.prompt.size()), spec).next(1000, RequestId{1});
  sequence.next_tokens.assign(golden.prompt.begin() + 1, golden.prompt.end());

  const auto result = run_step(*device, {sequence});

  ASSERT_EQ(result.sequences.size(), 1u);
  auto rows = result.sequences[0].prompt_logprobs;
  ASSERT_TRUE(result.sequences[0].logprobs.has_value());
  rows.push_back(*result.sequences[0].logprobs);
  ASSERT_EQ(rows.size(), golden.prompt.size());
  double worst = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    ASSERT_EQ(rows[row].top.size(), static_cast<std::size_t>(golden.vocab));
    for (const auto& [token, logprob] : rows[row].top) {
      const float expected =
          golden.logprobs[row * static_cast<std::size_t>(golden.vocab) + static_cast<std::size_t>(token)];
      worst = std::max(worst, std::abs(static_cast<double>(logprob) - static_cast<double>(expected)));
    }
  }
  EXPECT_LT(worst, 1e-3);
  RecordProperty("worst", std::to_string(worst));
}

TEST_P(CpuGolden, GreedyTokensAreEqual) {
  const auto golden = read_golden(GetParam());
  const auto device = load_device(golden_models() + GetParam());
  std::vector<Continuation> runs{
      start_run(golden.prompt, scattered_blocks(0, 3, golden.prompt.size() + golden.greedy.size()), greedy_spec())};
  continue_runs(*device, runs, golden.greedy.size(), 1000);
  EXPECT_EQ(runs[0].generated(), golden.greedy);
}

INSTANTIATE_TEST_SUITE_P(Models, CpuGolden,
                         testing::Values("llama_plain_f32", "llama_linear_bf16", "llama_llama3_f16", "llama_yarn_bf16",
                                         "llama_yarn_mscale_bf16", "llama_biases_tied_bf16", "mistral_window_bf16",
                                         "mistral_plain_f16", "qwen2_tied_bf16", "qwen2_window_yarn_f32",
                                         "qwen3_plain_bf16", "qwen3_biases_window_f32", "qwen3_mixed_dtypes"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace troupe::device
