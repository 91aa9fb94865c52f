#include "runtime/model/memory_plan.hpp"

#include <gmock/gmock.h>

#include "tests/unit/runtime/model/temporary_checkpoint.hpp"

namespace troupe::model {
namespace {

using testing::HasSubstr;

class MemoryPlanTest : public testing::Test {
 protected:
  Checkpoint open(const nlohmann::json& config) {
    directory_.write("config.json", config.dump());
    directory_.write("model.safetensors", safetensors_of(tensors_of(config)));
    return Checkpoint::open(directory_.path()).value();
  }
  TemporaryDirectory directory_;
};

TEST_F(MemoryPlanTest, FitsWholeBlocksIntoTheBudget) {
  const auto checkpoint = open(small_config());
  const auto plan = plan_memory(checkpoint, kernels::DType::kF32, 10 * 1024 + 1023).value();
  EXPECT_EQ(plan.kv_bytes_per_token, 64u);
  EXPECT_EQ(plan.block_bytes, 1024u);
  EXPECT_EQ(plan.blocks, 10);
  EXPECT_EQ(plan.kv_bytes, 10240u);
  EXPECT_EQ(plan.weight_bytes, checkpoint.tensor_bytes());
}

TEST_F(MemoryPlanTest, RoundsASequenceUpToWholeBlocks) {
  const auto plan = plan_memory(open(small_config()), kernels::DType::kF32, 10 * 1024).value();
  EXPECT_EQ(plan.kv_tokens(), 160);
  EXPECT_EQ(plan.sequences_of(16), 10);
  EXPECT_EQ(plan.sequences_of(17), 5);
  EXPECT_EQ(plan.sequences_of(161), 0);
}

TEST_F(MemoryPlanTest, CountsATiedEmbeddingTwice) {
  auto config = small_config();
  config["tie_word_embeddings"] = true;
  const auto checkpoint = open(config);
  EXPECT_EQ(plan_memory(checkpoint, kernels::DType::kF32, 1 << 20)->weight_bytes,
            checkpoint.tensor_bytes() + 11 * 8 * 4);
}

TEST_F(MemoryPlanTest, RefusesABudgetBelowOneBlock) {
  const auto plan = plan_memory(open(small_config()), kernels::DType::kF32, 1023);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, ErrorCode::kTooLarge);
}

TEST_F(MemoryPlanTest, TellsPeopleWhatFits) {
  const auto text = describe(plan_memory(open(small_config()), kernels::DType::kF32, 10 * 1024).value());
  EXPECT_THAT(text, HasSubstr("10 blocks of 16 tokens, 64 bytes a token"));
  EXPECT_THAT(text, HasSubstr("2 sequences of 64 tokens"));
}

}  // namespace
}  // namespace troupe::model
