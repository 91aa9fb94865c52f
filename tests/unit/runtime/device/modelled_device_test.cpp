#include "runtime/device/modelled_device.hpp"

#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace troupe::device {
namespace {

using namespace std::chrono_literals;

/// Keeps what it hears, and when.
class Collector final : public StepObserver {
 public:
  void group_written(StepId, std::int32_t group) override { at_once.push_back("group " + std::to_string(group)); }
  void group_written_after(std::chrono::nanoseconds after, StepId, std::int32_t) override { groups.push_back(after); }
  void finished(StepResult r) override {
    at_once.push_back("finished");
    result = std::move(r);
  }
  void finished_after(std::chrono::nanoseconds after, StepResult r) override {
    took = after;
    result = std::move(r);
  }
  std::vector<std::string> at_once;
  std::vector<std::chrono::nanoseconds> groups;
  std::chrono::nanoseconds took{};
  StepResult result;
};

ModelledDeviceOptions options() {
  ModelledDeviceOptions all;
  all.blocks = 16;
  all.vocab_size = 1000;
  all.layer_groups = 3;
  all.kv_token_bytes = 4'000'000;
  all.seconds = [](const StepWork& work) {
    return 1e-3 * static_cast<double>(work.prompt_tokens) + 1e-2 * static_cast<double>(work.decodes);
  };
  return all;
}

StepSequence sequence(std::vector<TokenId> tokens, std::int32_t first, std::vector<BlockId> blocks, bool sample = true,
                      std::int32_t generated = 0) {
  StepSequence s;
  s.tokens = std::move(tokens);
  s.first_position = first;
  s.blocks = std::move(blocks);
  s.sampling = std::make_shared<const SamplingSpec>();
  s.sample = sample;
  s.generated = generated;
  return s;
}

std::shared_ptr<Collector> run(ModelledDevice& device, std::vector<StepSequence> sequences, bool watched = false,
                               std::uint64_t id = 1) {
  auto step = std::make_shared<Step>();
  step->id = StepId{id};
  step->sequences = std::move(sequences);
  step->watched = watched;
  auto observer = std::make_shared<Collector>();
  device.start(step, observer);
  return observer;
}

TokenId token_of(ModelledDevice& device, StepSequence s) {
  return run(device, {std::move(s)})->result.sequences.at(0).token;
}

std::vector<TokenId> prompt(std::int32_t length) {
  std::vector<TokenId> tokens;
  for (std::int32_t i = 0; i < length; ++i) tokens.push_back(i * 7 % 1000);
  return tokens;
}

TokenId expected(const std::vector<TokenId>& tokens, std::int32_t generated = 0) {
  ExpectedText text;
  for (const TokenId token : tokens) text.add(token);
  return text.next(SamplingSpec{}, 1000, generated);
}

const std::vector<BlockId> kBlocks = {BlockId{3}, BlockId{9}, BlockId{1}, BlockId{12}};

TEST(ModelledDevice, StepsJitterByTheirIdsEachFactorAsOftenAsAnother) {
  auto jittery = options();
  jittery.jitter = {0.5, 1, 3};
  jittery.jitter_seed = 7;
  ModelledDevice device(jittery), again(jittery);
  std::map<std::chrono::nanoseconds, int> times;
  for (std::uint64_t id = 1; id <= 3000; ++id) {
    const auto took = run(device, {sequence(prompt(10), 0, {BlockId{0}})}, false, id)->took;
    EXPECT_EQ(run(again, {sequence(prompt(10), 0, {BlockId{0}})}, false, id)->took, took);
    ++times[took];
  }
  ASSERT_EQ(times.size(), 3u);
  for (const auto time : {5ms, 10ms, 30ms}) EXPECT_NEAR(times[time], 1000, 150);
}

TEST(ModelledDevice, ChunksGiveTheTokenOfTheWholeAndWhatIsExpected) {
  ModelledDevice device(options());
  for (const std::int32_t length : {1, 15, 16, 17, 40}) {
    const auto tokens = prompt(length);
    EXPECT_EQ(token_of(device, sequence(tokens, 0, kBlocks)), expected(tokens)) << length;
    const auto cut = length / 3;
    if (cut == 0) continue;
    run(device, {sequence({tokens.begin(), tokens.begin() + cut}, 0, kBlocks, false)});
    EXPECT_EQ(token_of(device, sequence({tokens.begin() + cut, tokens.end()}, cut, kBlocks)), expected(tokens)) << cut;
  }
}

TEST(ModelledDevice, DecodesGoOnWithTheExpectedText) {
  ModelledDevice device(options());
  auto tokens = prompt(13);
  tokens.push_back(token_of(device, sequence(tokens, 0, kBlocks)));
  for (std::int32_t generated = 1; generated < 40; ++generated) {
    const auto next = token_of(
        device, sequence({tokens.back()}, static_cast<std::int32_t>(tokens.size()) - 1, kBlocks, true, generated));
    ASSERT_EQ(next, expected(tokens, generated)) << generated;
    tokens.push_back(next);
  }
}

/// What a decode gives after the prompt, once `harm` was done to the slab.
TokenId after(const std::function<void(std::span<std::byte>, const kernels::KvLayout&)>& harm) {
  ModelledDevice device(options());
  const auto tokens = prompt(40);
  token_of(device, sequence(tokens, 0, kBlocks));
  harm(device.kv_slab(), device.info().kv);
  return token_of(device, sequence({5}, 40, kBlocks, true, 1));
}

TEST(ModelledDevice, AnyBlockOfAnyLayerGroupThatIsLostChangesTheFirstTokenAfterTheTransfer) {
  auto tokens = prompt(40);
  tokens.push_back(5);
  const auto right = after([](auto, const auto&) {});
  ASSERT_EQ(right, expected(tokens, 1));
  for (std::int64_t group = 0; group < 3; ++group)
    for (const BlockId block : {BlockId{3}, BlockId{9}, BlockId{1}})
      EXPECT_NE(after([&](std::span<std::byte> slab, const kernels::KvLayout& kv) {
                  const auto lost = slab.subspan(kv.offset(group, block.value), kv.layer_block_bytes());
                  std::fill(lost.begin(), lost.end(), std::byte{0});
                }),
                right)
          << "group " << group << " block " << block;
}

TEST(ModelledDevice, BlocksInEachOthersPlacesChangeTheText) {
  ModelledDevice device(options());
  const auto tokens = prompt(32);
  token_of(device, sequence(tokens, 0, {BlockId{0}, BlockId{1}, BlockId{2}}));
  const auto right = token_of(device, sequence({5}, 32, {BlockId{0}, BlockId{1}, BlockId{2}}, true, 2));
  EXPECT_NE(token_of(device, sequence({5}, 32, {BlockId{4}, BlockId{1}, BlockId{2}}, true, 2)), right);
}

TEST(ModelledDevice, ABlockThatIsOverwrittenLaterChangesTheTextWithinABlocksTokens) {
  ModelledDevice device(options());
  auto tokens = prompt(40);
  tokens.push_back(token_of(device, sequence(tokens, 0, kBlocks)));
  bool differs = false;
  for (std::int32_t generated = 1; generated < 18; ++generated) {
    const auto next = token_of(
        device, sequence({tokens.back()}, static_cast<std::int32_t>(tokens.size()) - 1, kBlocks, true, generated));
    differs = differs || next != expected(tokens, generated);
    EXPECT_EQ(differs, generated >= 9) << generated;  // the new block begins at position 48
    tokens.push_back(expected(tokens, generated));
    if (generated == 2) token_of(device, sequence(prompt(16), 0, {BlockId{9}}));
  }
}

TEST(ModelledDevice, TextsEndWhereTheyAreSaidTo) {
  auto all = options();
  all.ends = [](RequestId, std::int32_t index) { return index == 4; };
  ModelledDevice device(all);
  EXPECT_NE(token_of(device, sequence(prompt(5), 0, kBlocks, true, 3)), 999);
  EXPECT_EQ(token_of(device, sequence(prompt(5), 0, kBlocks, true, 4)), 999);
}

TEST(ModelledDevice, AStepTakesWhatTheModelSaysOfItsWork) {
  auto all = options();
  StepWork seen;
  all.seconds = [&seen](const StepWork& work) {
    seen = work;
    return 0.25;
  };
  ModelledDevice device(all);
  run(device, {sequence(prompt(20), 0, kBlocks)});
  const auto heard =
      run(device, {sequence(prompt(10), 20, kBlocks), sequence({1}, 30, {BlockId{4}, BlockId{5}}, true, 7)});
  EXPECT_EQ(heard->took, 250ms);
  EXPECT_EQ(heard->result.timings.total, 250ms);
  EXPECT_EQ(seen.prompts, 1);
  EXPECT_EQ(seen.prompt_tokens, 10);
  EXPECT_EQ(seen.prompt_context, 20);
  EXPECT_EQ(seen.decodes, 1);
  EXPECT_EQ(seen.decode_context, 31);
}

TEST(ModelledDevice, LayerGroupsAreWrittenOneAfterTheOtherWhileAWatchedStepRuns) {
  ModelledDevice device(options());
  EXPECT_EQ(run(device, {sequence(prompt(30), 0, kBlocks)}, true)->groups,
            (std::vector<std::chrono::nanoseconds>{10ms, 20ms, 30ms}));
  EXPECT_TRUE(run(device, {sequence(prompt(30), 0, kBlocks)}, false)->groups.empty());
}

TEST(ModelledDevice, AStepThatSharesItsTimeGoesOnAsItGetsIt) {
  auto sharing = options();
  std::vector<std::chrono::nanoseconds> asked;
  std::function<void()> got_it;
  sharing.spend = [&](std::chrono::nanoseconds time, std::function<void()> then) {
    asked.push_back(time);
    got_it = std::move(then);
  };
  ModelledDevice device(sharing);
  const auto observer = run(device, {sequence(prompt(30), 0, kBlocks)}, true);
  for (const std::size_t heard : {0u, 1u, 2u, 4u}) {
    EXPECT_EQ(observer->at_once.size(), heard);
    if (heard < 4) std::exchange(got_it, {})();
  }
  EXPECT_EQ(asked, (std::vector<std::chrono::nanoseconds>(3, 10ms)));
  EXPECT_EQ(observer->at_once, (std::vector<std::string>{"group 0", "group 1", "group 2", "finished"}));
  EXPECT_EQ(observer->result.sequences.at(0).token, expected(prompt(30)));

  const auto unwatched = run(device, {sequence(prompt(30), 0, kBlocks)});
  EXPECT_EQ(asked.back(), 30ms);
  got_it();
  EXPECT_EQ(unwatched->at_once, std::vector<std::string>{"finished"});
}

TEST(ModelledDevice, ItsKvCountsAsTheModelsDoes) {
  const ModelledDevice device(options());
  EXPECT_EQ(device.info().kv_token_bytes(), 4'000'000u);
  EXPECT_LT(device.info().kv.position_bytes(), 64u);
}

}  // namespace
}  // namespace troupe::device
