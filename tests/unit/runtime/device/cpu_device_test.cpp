#include "runtime/device/cpu_device.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "tests/unit/runtime/device/cpu_device_runner.hpp"
#include "tests/unit/runtime/model/temporary_checkpoint.hpp"

namespace troupe::device {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kModel = golden_models() + "llama_plain_f32";

StepSequence share(std::vector<TokenId> tokens, std::shared_ptr<const SamplingSpec> spec = greedy_spec(),
                   std::uint32_t first_block = 0) {
  const auto count = tokens.size();
  return start_run(std::move(tokens), scattered_blocks(first_block, 1, count), std::move(spec))
      .next(1000, RequestId{first_block});
}

TEST(CpuDevice, SaysWhatItHolds) {
  CpuDeviceOptions options;
  options.blocks = 12;
  options.threads = 2;
  options.isa = kernels::CpuIsa::kReference;
  const auto device = load_device(kModel, options);
  EXPECT_EQ(device->info().name, "cpu reference, 2 threads");
  EXPECT_EQ(device->info().vocab_size, 131);
  EXPECT_EQ(device->info().max_positions, 256);
  EXPECT_EQ(device->info().kv.blocks, 12);
  EXPECT_EQ(device->info().kv.block_bytes(), 16u * 2 * 2 * 24 * 4);
  EXPECT_EQ(device->kv_slab().size(), device->info().kv.slab_bytes());
  EXPECT_GE(device->info().weight_bytes, 4u * (2 * 131 * 40));
}

TEST(CpuDevice, FillsAKvBudgetWithWholeBlocks) {
  CpuDeviceOptions options;
  options.kv_bytes = 6144 * 5 + 6143;
  EXPECT_EQ(load_device(kModel, options)->info().kv.blocks, 5);
}

TEST(CpuDevice, WithNothingConfiguredHoldsAtMostWhat256LongSequencesNeed) {
  const auto device = CpuDevice::load(model::Checkpoint::open(kModel).value(), {}).value();
  EXPECT_GT(device->info().kv.blocks, 0);
  EXPECT_LE(device->info().kv.blocks, 256 * 256 / 16);
}

TEST(CpuDevice, RefusesABudgetBelowOneBlockAndASlabThatCannotBe) {
  const auto checkpoint = model::Checkpoint::open(kModel).value();
  CpuDeviceOptions options;
  options.kv_bytes = 6143;
  EXPECT_EQ(CpuDevice::load(checkpoint, options).error().code, ErrorCode::kTooLarge);
  options.blocks = std::int64_t{1} << 60;
  EXPECT_EQ(CpuDevice::load(checkpoint, options).error().code, ErrorCode::kTooLarge);
}

TEST(CpuDevice, ReportsProgressThatRisesToOne) {
  std::vector<double> shares;
  CpuDeviceOptions options;
  options.blocks = 1;
  const auto checkpoint = model::Checkpoint::open(golden_models() + "llama_biases_tied_bf16").value();
  ASSERT_TRUE(CpuDevice::load(checkpoint, options, [&](double done) { shares.push_back(done); }).ok());
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_GT(shares.front(), 0.0);
  EXPECT_EQ(shares.back(), 1.0);
}

TEST(CpuDevice, RefusesACheckpointThatShrankSinceItWasOpened) {
  const model::TemporaryDirectory directory;
  directory.write("config.json", model::small_config().dump());
  const auto file =
      directory.write("model.safetensors", model::safetensors_of(model::tensors_of(model::small_config())));
  const auto checkpoint = model::Checkpoint::open(directory.path()).value();
  std::filesystem::resize_file(file, 64);
  const auto device = CpuDevice::load(checkpoint, {});
  ASSERT_FALSE(device.ok());
  EXPECT_THAT(device.error().message, HasSubstr("changed its size while it was read"));
}

TEST(CpuDevice, AnnouncesEachLayerGroupOnceAndInOrderBeforeItFinishes) {
  for (const auto& [wanted, given] : {std::pair{1, 1}, std::pair{2, 2}, std::pair{9, 2}}) {
    CpuDeviceOptions options;
    options.layer_groups = wanted;
    const auto device = load_device(kModel, options);
    EXPECT_EQ(device->info().layer_groups, given);
    const auto announced = [&](bool watched) {
      auto observer = std::make_shared<RecordingObserver>();
      auto step = std::make_shared<Step>();
      step->id = StepId{7};
      step->watched = watched;
      step->sequences.push_back(share({1, 2, 3}));
      device->start(step, observer);
      EXPECT_EQ(observer->wait().id, StepId{7});
      return observer;
    };
    EXPECT_TRUE(announced(false)->groups().empty()) << "nobody wants to hear of it";
    const auto observer = announced(true);
    EXPECT_EQ(observer->groups().size(), static_cast<std::size_t>(given));
    EXPECT_TRUE(std::is_sorted(observer->groups().begin(), observer->groups().end()));
  }
}

TEST(CpuDevice, MayStartTheNextStepFromItsObserver) {
  struct Chain final : StepObserver {
    void group_written(StepId, std::int32_t) override {}
    void finished_after(std::chrono::nanoseconds, StepResult) override {}
    void finished(StepResult result) override {
      if (result.id.value < 5) {
        auto next = std::make_shared<Step>();
        next->id = StepId{result.id.value + 1};
        next->sequences.push_back(share({1, 2, 3}));
        device->start(next, next->id.value == 5 ? std::static_pointer_cast<StepObserver>(last) : self.lock());
      }
    }
    CpuDevice* device = nullptr;
    std::weak_ptr<StepObserver> self;
    std::shared_ptr<RecordingObserver> last = std::make_shared<RecordingObserver>();
  };
  const auto device = load_device(kModel);
  auto chain = std::make_shared<Chain>();
  chain->device = device.get();
  chain->self = chain;
  auto step = std::make_shared<Step>();
  step->id = StepId{1};
  step->sequences.push_back(share({1, 2, 3}));
  device->start(step, chain);
  EXPECT_EQ(chain->last->wait().id, StepId{5});
}

TEST(CpuDevice, FinishesARunningStepBeforeItGoes) {
  auto device = load_device(kModel);
  auto observer = std::make_shared<RecordingObserver>();
  auto step = std::make_shared<Step>();
  step->sequences.push_back(share(std::vector<TokenId>(200, 5)));
  device->start(step, observer);
  device.reset();
  EXPECT_EQ(observer->wait().sequences.size(), 1u);
}

TEST(CpuDevice, SamplesOnlyWhereAskedAndAnswersInTheStepsOrder) {
  const auto device = load_device(kModel);
  auto silent = share({4, 5, 6}, greedy_spec(), 1);
  silent.sample = false;
  const auto result =
      run_step(*device, {share({1, 2, 3}, greedy_spec(), 0), silent, share({7, 8, 9}, greedy_spec(), 2)});
  ASSERT_EQ(result.sequences.size(), 3u);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(result.sequences[i].request, RequestId{i});
  EXPECT_GE(result.sequences[0].token, 0);
  EXPECT_EQ(result.sequences[1].token, -1);
  EXPECT_FALSE(result.sequences[1].numerical_fault);
  EXPECT_GE(result.sequences[2].token, 0);
}

TEST(CpuDevice, SaysWhereAStepsTimeWent) {
  const auto device = load_device(kModel);
  const auto timings = run_step(*device, {share(std::vector<TokenId>(100, 3))}).timings;
  EXPECT_GT(timings.attention.count(), 0);
  EXPECT_GT(timings.matmul.count(), 0);
  EXPECT_GT(timings.sampling.count(), 0);
  EXPECT_GE(timings.total, timings.attention + timings.matmul + timings.sampling);
}

TEST(CpuDevice, DrawsNoStopTokenBeforeTheLeastNumberOfTokens) {
  const auto device = load_device(kModel);
  const auto free = run_step(*device, {share({1, 2, 3})}).sequences[0].token;
  auto spec = greedy_spec();
  spec->stop_tokens = {free};
  spec->min_tokens = 1;
  EXPECT_THAT(run_step(*device, {share({1, 2, 3}, spec)}).sequences[0].token, Not(free));
  spec->min_tokens = 0;
  EXPECT_EQ(run_step(*device, {share({1, 2, 3}, spec)}).sequences[0].token, free);
}

TEST(CpuDevice, DrawsByTheSeedTheChoiceAndThePosition) {
  const auto device = load_device(kModel);
  const auto draws = [&](std::uint64_t seed, std::uint64_t choice) {
    auto spec = std::make_shared<SamplingSpec>();
    spec->params.temperature = 3;
    spec->seed = seed;
    spec->choice = choice;
    std::vector<Continuation> runs{start_run({1, 2, 3}, scattered_blocks(0, 1, 40), spec)};
    continue_runs(*device, runs, 16, 1000);
    return runs[0].generated();
  };
  EXPECT_EQ(draws(1, 0), draws(1, 0));
  EXPECT_NE(draws(1, 0), draws(2, 0));
  EXPECT_NE(draws(1, 0), draws(1, 1));
  const auto tokens = draws(1, 0);
  EXPECT_GT(std::set(tokens.begin(), tokens.end()).size(), 4u);
}

TEST(CpuDevice, ScoresThePromptAcrossChunksAsInOnePiece) {
  const auto device = load_device(kModel);
  const auto golden = read_golden("llama_plain_f32");
  auto spec = greedy_spec();
  spec->prompt_logprobs = 3;
  const auto scored = [&](std::size_t chunk) {
    std::vector<kernels::Sampled> out;
    auto run = start_run(golden.prompt, scattered_blocks(2, 3, golden.prompt.size()), spec);
    while (run.computed < golden.prompt.size()) {
      auto sequence = run.next(chunk, RequestId{1});
      const auto end = std::min(run.computed + sequence.tokens.size() + 1, golden.prompt.size());
      sequence.next_tokens.assign(golden.prompt.begin() + static_cast<std::ptrdiff_t>(run.computed) + 1,
                                  golden.prompt.begin() + static_cast<std::ptrdiff_t>(end));
      run.computed += sequence.tokens.size();
      const auto result = run_step(*device, {sequence});
      for (const auto& row : result.sequences[0].prompt_logprobs) out.push_back(row);
    }
    return out;
  };
  const auto whole = scored(1000), chunked = scored(7);
  ASSERT_EQ(whole.size(), golden.prompt.size() - 1);
  ASSERT_EQ(chunked.size(), whole.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(whole[i].token, golden.prompt[i + 1]);
    EXPECT_EQ(whole[i].top.size(), 3u);
    EXPECT_EQ(whole[i].logprob, chunked[i].logprob);
    EXPECT_EQ(whole[i].rank, chunked[i].rank);
  }
}

TEST(CpuDevice, FlagsNumbersGoneWrongInTheSequenceThatHasThem) {
  const auto device = load_device(kModel);
  run_step(*device, {share(std::vector<TokenId>(20, 3), greedy_spec(), 0),
                     share(std::vector<TokenId>(20, 4), greedy_spec(), 2)});
  // The first sequence's KV is damaged; the second's is not.
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t at = 0; at < device->info().kv.layer_block_bytes(); at += sizeof nan)
    std::memcpy(device->kv_slab().data() + device->info().kv.offset(0, 0) + at, &nan, sizeof nan);
  const auto decode = [](std::uint32_t first_block) {
    auto out = share({9}, greedy_spec(), first_block);
    out.first_position = 20;
    out.blocks = scattered_blocks(first_block, 1, 21);
    return out;
  };
  const auto result = run_step(*device, {decode(0), decode(2)});
  EXPECT_FALSE(result.fault.has_value());
  EXPECT_TRUE(result.sequences[0].numerical_fault);
  EXPECT_EQ(result.sequences[0].token, -1);
  EXPECT_FALSE(result.sequences[1].numerical_fault);
  EXPECT_GE(result.sequences[1].token, 0);
}

TEST(CpuDevice, NeverReadsWhatAnEarlierSequenceLeftInItsBlocks) {
  const auto clean = load_device(kModel), dirty = load_device(kModel);
  std::memset(dirty->kv_slab().data(), 0xff, dirty->kv_slab().size());  // every float a NaN
  const auto a = run_step(*clean, {share({1, 2, 3, 4, 5})}).sequences[0],
             b = run_step(*dirty, {share({1, 2, 3, 4, 5})}).sequences[0];
  EXPECT_EQ(a.token, b.token);
  EXPECT_FALSE(b.numerical_fault);
}

TEST(CpuDeviceDeath, EndsTheProcessOnAStepThatBreaksItsContract) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  DeviceInfo info;
  info.kv.blocks = 4;
  info.vocab_size = 10;
  info.max_positions = 48;
  const auto check = [&](const std::function<void(StepSequence&)>& damage) {
    Step step;
    step.sequences.push_back(share({1, 2, 3}));
    damage(step.sequences[0]);
    check_step(step, info);
  };
  check([](StepSequence&) {});
  EXPECT_DEATH(check([](StepSequence& s) { s.tokens.clear(); }), "count > 0");
  EXPECT_DEATH(check([](StepSequence& s) { s.tokens[1] = 10; }), "token < info.vocab_size");
  EXPECT_DEATH(check([](StepSequence& s) { s.blocks[0] = {4}; }), "block.value < info.kv.blocks");
  EXPECT_DEATH(check([](StepSequence& s) { s.first_position = 14; }), "blocks_of");
  EXPECT_DEATH(check([](StepSequence& s) { s.first_position = 46; }), "max_positions");
  EXPECT_DEATH(check([](StepSequence& s) { s.next_tokens = {1, 2, 3, 4}; }), "next_tokens.size");
  EXPECT_DEATH(check([](StepSequence& s) { s.sampling = nullptr; }), "sampling != nullptr");
}

}  // namespace
}  // namespace troupe::device
