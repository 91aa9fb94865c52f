#include "runtime/device/hash_device.hpp"

#include <gtest/gtest.h>

namespace troupe::device {
namespace {

class Collector final : public StepObserver {
 public:
  void group_written(StepId, std::int32_t) override { ++groups; }
  void finished(StepResult r) override { result = std::move(r); }
  void finished_after(std::chrono::nanoseconds, StepResult r) override { result = std::move(r); }
  int groups = 0;
  StepResult result;
};

StepSequence sequence(std::vector<TokenId> tokens, std::int32_t first, std::vector<BlockId> blocks, bool sample) {
  StepSequence s;
  s.tokens = std::move(tokens);
  s.first_position = first;
  s.blocks = std::move(blocks);
  s.sampling = std::make_shared<const SamplingSpec>();
  s.sample = sample;
  return s;
}

TokenId run(HashDevice& device, StepSequence s) {
  auto step = std::make_shared<Step>();
  step->id = StepId{1};
  step->sequences.push_back(std::move(s));
  auto observer = std::make_shared<Collector>();
  step->watched = step->sequences.back().tokens.size() % 2 == 0;
  device.start(step, observer);
  EXPECT_EQ(observer->groups, step->watched ? 1 : 0);
  return observer->result.sequences.at(0).token;
}

TEST(HashDevice, chunks_give_the_token_of_the_whole) {
  HashDevice device({});
  std::vector<TokenId> tokens;
  for (int i = 0; i < 20; ++i) tokens.push_back(i * 7);
  const auto expected = HashDevice::next_token(tokens, SamplingSpec{}, 1000);
  const std::vector<BlockId> blocks = {BlockId{3}, BlockId{9}};
  EXPECT_EQ(run(device, sequence(tokens, 0, blocks, true)), expected);
  EXPECT_EQ(run(device, sequence({tokens.begin(), tokens.begin() + 11}, 0, blocks, false)), -1);
  EXPECT_EQ(run(device, sequence({tokens.begin() + 11, tokens.end()}, 11, blocks, true)), expected);
}

TEST(HashDevice, a_foreign_block_changes_the_token) {
  HashDevice device({});
  std::vector<TokenId> tokens(20, 5);
  const auto right = run(device, sequence(tokens, 0, {BlockId{0}, BlockId{1}}, true));
  EXPECT_NE(run(device, sequence({5}, 19, {BlockId{2}, BlockId{1}}, true)), right);
}

TEST(HashDevice, blocks_in_the_wrong_order_change_the_token) {
  HashDevice device({});
  std::vector<TokenId> tokens(32, 5);
  const auto right = run(device, sequence(tokens, 0, {BlockId{0}, BlockId{1}}, true));
  run(device, sequence({5}, 31, {BlockId{0}, BlockId{1}}, true));
  EXPECT_NE(run(device, sequence({5}, 31, {BlockId{1}, BlockId{0}}, true)), right);
}

}  // namespace
}  // namespace troupe::device
