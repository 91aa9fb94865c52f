// The same request gives the same bits, whatever it shares a step with and however the work is cut.
#include <gmock/gmock.h>

#include <bit>

#include "runtime/base/random.hpp"
#include "tests/unit/runtime/device/cpu_device_runner.hpp"

namespace troupe::device {
namespace {

constexpr std::size_t kNewTokens = 20;

/// Sampled, with penalties and log-probabilities, so that a single differing bit anywhere is likely to show.
std::shared_ptr<SamplingSpec> sampled_spec(std::uint64_t seed) {
  auto spec = std::make_shared<SamplingSpec>();
  spec->params.temperature = 0.9f;
  spec->params.top_p = 0.95f;
  spec->params.repetition_penalty = 1.1f;
  spec->params.logprobs = 0;
  spec->seed = seed;
  return spec;
}

std::vector<TokenId> prompt_of(std::size_t length, std::uint64_t seed, std::int32_t vocab) {
  RandomStream random(seed);
  std::vector<TokenId> out;
  for (std::size_t i = 0; i < length; ++i)
    out.push_back(static_cast<TokenId>(random.below(static_cast<std::uint64_t>(vocab))));
  return out;
}

/// The tokens and the log-probabilities' bits of the sequence under test.
struct Outcome {
  std::vector<TokenId> tokens;
  std::vector<std::uint32_t> bits;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(const Continuation& run) {
  Outcome out{run.generated(), {}};
  for (const float logprob : run.logprobs) out.bits.push_back(std::bit_cast<std::uint32_t>(logprob));
  return out;
}

Outcome alone(const std::string& model, CpuDeviceOptions options, std::size_t prompt = 75, std::size_t chunk = 1000) {
  options.blocks = 600;
  const auto device = load_device(golden_models() + model, options);
  std::vector<Continuation> runs{start_run(prompt_of(prompt, 1, device->info().vocab_size),
                                           scattered_blocks(1, 7, prompt + kNewTokens), sampled_spec(11))};
  continue_runs(*device, runs, kNewTokens, chunk);
  return outcome_of(runs[0]);
}

class CpuSameBits : public testing::TestWithParam<const char*> {};

TEST_P(CpuSameBits, AloneAndAmongThirtyOneOthersThatJoinAndLeave) {
  CpuDeviceOptions options;
  options.blocks = 600;
  const auto device = load_device(golden_models() + GetParam(), options);
  const auto vocab = device->info().vocab_size;
  std::vector<Continuation> runs;
  for (std::uint32_t i = 0; i < 32; ++i) {
    const std::size_t prompt = i == 5 ? 75 : 3 + 5 * i % 90;
    runs.push_back(start_run(prompt_of(prompt, i == 5 ? 1 : 100 + i, vocab),
                             scattered_blocks(i, 32, prompt + kNewTokens), sampled_spec(i == 5 ? 11 : i)));
  }
  continue_runs(*device, runs, kNewTokens, 40, 2);
  EXPECT_EQ(outcome_of(runs[5]), alone(GetParam(), {}));
}

TEST_P(CpuSameBits, InOnePieceAndInChunksOfAnySize) {
  const auto whole = alone(GetParam(), {});
  for (const std::size_t chunk : {1, 7, 16, 64})
    EXPECT_EQ(alone(GetParam(), {}, 75, chunk), whole) << "chunk of " << chunk;
}

TEST_P(CpuSameBits, OnOneThreadAndOnFive) {
  EXPECT_EQ(alone(GetParam(), {.threads = 5}), alone(GetParam(), {.threads = 1}));
}

TEST_P(CpuSameBits, OnEveryInstructionSetThatThisHostHas) {
  const auto reference = alone(GetParam(), {.isa = kernels::CpuIsa::kReference});
  for (const auto isa : {kernels::CpuIsa::kAvx2, kernels::CpuIsa::kAvx512})
    if (kernels::supports(isa)) {
      EXPECT_EQ(alone(GetParam(), {.isa = isa}), reference) << kernels::to_string(isa);
    }
}

TEST_P(CpuSameBits, WithKvInHalfPrecisionTooWhenChunked) {
  const auto whole = alone(GetParam(), {.kv_dtype = kernels::DType::kBf16});
  EXPECT_EQ(alone(GetParam(), {.kv_dtype = kernels::DType::kBf16}, 75, 9), whole);
}

TEST_P(CpuSameBits, AfterTheSequenceIsComputedAgainInOtherBlocks) {
  CpuDeviceOptions options;
  options.blocks = 600;
  const auto device = load_device(golden_models() + GetParam(), options);
  std::vector<Continuation> runs{start_run(prompt_of(75, 1, device->info().vocab_size),
                                           scattered_blocks(1, 7, 75 + kNewTokens), sampled_spec(11))};
  continue_runs(*device, runs, kNewTokens / 2, 1000);
  // Preemption by recompute: its KV is gone, and what it generated is run through the model again like a prompt.
  runs[0].computed = 0;
  runs[0].blocks = scattered_blocks(300, 11, 75 + kNewTokens);
  continue_runs(*device, runs, kNewTokens, 30);
  EXPECT_EQ(outcome_of(runs[0]), alone(GetParam(), {}));
}

INSTANTIATE_TEST_SUITE_P(Models, CpuSameBits,
                         testing::Values("llama_plain_f32", "llama_biases_tied_bf16", "mistral_window_bf16",
                                         "qwen3_mixed_dtypes"),
                         [](const auto& info) { return std::string(info.param); });

/// Longer than CpuForward::kChunkRows: the pass cuts the step by itself.
TEST(CpuSameBitsInLongSteps, APromptLongerThanTheInternalChunk) {
  // The demo model sees 2048 positions.
  const std::string directory = std::string(TROUPE_SOURCE_DIR) + "/tools/demo_model/checkpoint";
  const auto run_with = [&](std::size_t chunk, std::size_t threads) {
    CpuDeviceOptions options;
    options.blocks = 64;
    options.threads = threads;
    const auto device = load_device(directory, options);
    std::vector<Continuation> runs{
        start_run(prompt_of(700, 3, device->info().vocab_size), scattered_blocks(0, 1, 710), sampled_spec(5))};
    continue_runs(*device, runs, 8, chunk);
    return outcome_of(runs[0]);
  };
  const auto whole = run_with(1000, 2);
  EXPECT_EQ(run_with(64, 1), whole);
  EXPECT_EQ(run_with(333, 3), whole);
}

}  // namespace
}  // namespace troupe::device
