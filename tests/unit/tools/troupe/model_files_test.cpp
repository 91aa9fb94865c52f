// The memory plan and the text side of a checkpoint, as `troupe check` and the node use them.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tools/troupe/kv_budget.hpp"
#include "tools/troupe/model_text.hpp"

namespace troupe {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDemo = TROUPE_SOURCE_DIR "/tools/demo_model/checkpoint";

TEST(AutoKv, IsHalfOfWhatTheWeightsLeave) {
  EXPECT_EQ(auto_kv_bytes({.available_bytes = 1000, .weight_bytes = 200, .block_bytes = 1, .most_useful_bytes = 9999}),
            400u);
}

TEST(AutoKv, IsNoMoreThanCouldEverBeUsed) {
  EXPECT_EQ(auto_kv_bytes({.available_bytes = 1000, .weight_bytes = 200, .block_bytes = 1, .most_useful_bytes = 100}),
            100u);
}

TEST(AutoKv, IsSixteenBlocksEvenWhereTheWeightsLeaveNothing) {
  EXPECT_EQ(auto_kv_bytes({.available_bytes = 100, .weight_bytes = 200, .block_bytes = 10, .most_useful_bytes = 9999}),
            160u);
}

TEST(Plan, FollowsTheConfiguredKvMemory) {
  const auto checkpoint = model::Checkpoint::open(kDemo);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  config::ServeConfig config;
  config.device.kv_memory = 64 << 20;
  const auto plan = plan_for(*checkpoint, config, kernels::DType::kF32);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->kv_bytes_per_token, 2u * 6 * 2 * 32 * 4);
  EXPECT_EQ(plan->blocks, (64 << 20) / (16 * 2 * 6 * 2 * 32 * 4));
}

TEST(Plan, RefusesMemoryForLessThanOneBlock) {
  const auto checkpoint = model::Checkpoint::open(kDemo);
  ASSERT_TRUE(checkpoint.ok());
  config::ServeConfig config;
  config.device.kv_memory = 100;
  EXPECT_FALSE(plan_for(*checkpoint, config, kernels::DType::kF32).ok());
}

TEST(ModelTextOf, TheDemoModelHasTokenizerTemplateAndSpecialTokens) {
  const auto text = load_model_text(kDemo);
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(text->tokenizer->vocab_size(), 4096u);
  EXPECT_TRUE(text->chat_template);
  EXPECT_TRUE(text->special_tokens.contains("bos_token"));
}

/// The demo model's tokenizer beside files of the test's own.
class OwnFolder : public ::testing::Test {
 protected:
  OwnFolder() {
    char name[] = "/tmp/troupe_text_XXXXXX";
    folder_ = ::mkdtemp(name);
    std::filesystem::copy_file(std::string(kDemo) + "/tokenizer.json", folder_ + "/tokenizer.json");
  }
  ~OwnFolder() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }

  std::string folder_;
};

TEST_F(OwnFolder, ATokenizerAloneIsNoChatModel) {
  const auto text = load_model_text(folder_);
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_FALSE(text->chat_template);
}

TEST_F(OwnFolder, SpecialTokensMayBeTextsOrObjects) {
  write("tokenizer_config.json",
        R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null,
      "additional_special_tokens": ["<a>", {"content": "<b>"}]})");
  const auto text = load_model_text(folder_);
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(text->special_tokens.dump(),
            R"({"bos_token":"<s>","eos_token":"</s>","additional_special_tokens":["<a>","<b>"]})");
}

TEST_F(OwnFolder, TheTemplateFileWinsOverTheConfigs) {
  write("tokenizer_config.json", R"({"chat_template": "{% nonsense %}"})");
  write("chat_template.jinja", "{{ messages[0]['content'] }}");
  EXPECT_TRUE(load_model_text(folder_).ok());
}

TEST_F(OwnFolder, OfSeveralTemplatesTheDefaultIsTaken) {
  write("tokenizer_config.json", R"({"chat_template": [{"name": "tool_use", "template": "{% nonsense %}"},
      {"name": "default", "template": "x"}]})");
  const auto text = load_model_text(folder_);
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_TRUE(text->chat_template);
}

TEST_F(OwnFolder, ATemplateOfAnotherTypeIsRefused) {
  write("tokenizer_config.json", R"({"chat_template": 7})");
  const auto text = load_model_text(folder_);
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message, HasSubstr("chat_template must be a text"));
}

TEST_F(OwnFolder, ATemplateThatIsNotUnderstoodIsRefusedByNameAndPlace) {
  write("chat_template.jinja", "{% nonsense %}");
  const auto text = load_model_text(folder_);
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message, HasSubstr("chat_template.jinja:1:"));
}

}  // namespace
}  // namespace troupe
