#include "runtime/model/checkpoint.hpp"

#include <gmock/gmock.h>

#include "tests/unit/runtime/model/temporary_checkpoint.hpp"

namespace troupe::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CheckpointTest : public testing::Test {
 protected:
  void write(const nlohmann::json& config, const std::vector<ZeroTensor>& tensors) {
    directory_.write("config.json", config.dump());
    directory_.write("model.safetensors", safetensors_of(tensors));
  }
  Error refusal() {
    const auto checkpoint = Checkpoint::open(directory_.path());
    CHECK(!checkpoint.ok(), "the checkpoint was accepted");
    return checkpoint.error();
  }
  TemporaryDirectory directory_;
};

TEST_F(CheckpointTest, OpensWhatTheConfigCallsFor) {
  write(small_config(), tensors_of(small_config()));
  const auto checkpoint = Checkpoint::open(directory_.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  EXPECT_FALSE(checkpoint->tied());
  EXPECT_THAT(checkpoint->tensor("model.layers.1.mlp.down_proj.weight").shape, ElementsAre(8, 6));
  const std::int64_t a_layer = 8 * 8 + 2 * 4 * 8 + 8 * 8 + 3 * 6 * 8 + 2 * 8;
  EXPECT_EQ(checkpoint->parameters(), 2 * a_layer + 8 + 2 * 11 * 8);
  EXPECT_EQ(checkpoint->tensor_bytes(), static_cast<std::size_t>(4 * checkpoint->parameters()));
}

TEST_F(CheckpointTest, NamesTheTensorsThatAreMissing) {
  auto tensors = tensors_of(small_config());
  std::erase_if(tensors, [](const ZeroTensor& tensor) { return tensor.name.ends_with("k_proj.weight"); });
  write(small_config(), tensors);
  EXPECT_THAT(refusal().message,
              HasSubstr("2 tensors that config.json calls for are missing: "
                        "\"model.layers.0.self_attn.k_proj.weight\", \"model.layers.1.self_attn.k_proj.weight\"."));
}

TEST_F(CheckpointTest, NamesTheTensorsThatTheModelWouldNotRead) {
  auto tensors = tensors_of(small_config());
  tensors.push_back({"model.layers.0.self_attn.q_proj.bias", {8}});
  write(small_config(), tensors);
  const auto error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("\"model.layers.0.self_attn.q_proj.bias\""));
}

TEST_F(CheckpointTest, PassesOverBuffersOfOlderExporters) {
  auto tensors = tensors_of(small_config());
  tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", {2}});
  write(small_config(), tensors);
  EXPECT_TRUE(Checkpoint::open(directory_.path()).ok());
}

TEST_F(CheckpointTest, RefusesAShapeThatTheConfigDoesNotCallFor) {
  auto tensors = tensors_of(small_config());
  for (auto& tensor : tensors)
    if (tensor.name == "model.norm.weight") tensor.shape = {9};
  write(small_config(), tensors);
  EXPECT_THAT(refusal().message, HasSubstr("\"model.norm.weight\": has shape [9]; config.json calls for [8]."));
}

TEST_F(CheckpointTest, RefusesAFormatThatIsNotAFloat) {
  auto tensors = tensors_of(small_config());
  tensors.front().dtype = "I64";
  write(small_config(), tensors);
  EXPECT_THAT(refusal().message, HasSubstr("its format is I64"));
}

TEST_F(CheckpointTest, TiesTheHeadToTheEmbeddingUnlessADifferentOneIsStored) {
  auto config = small_config();
  config["tie_word_embeddings"] = true;
  auto tensors = tensors_of(config);
  write(config, tensors);
  EXPECT_TRUE(Checkpoint::open(directory_.path()).value().tied());

  tensors.push_back({kHeadName, {11, 8}});
  write(config, tensors);
  EXPECT_TRUE(Checkpoint::open(directory_.path()).value().tied()) << "equal copies are one tensor";

  tensors.back().dtype = "F16";
  write(config, tensors);
  EXPECT_FALSE(Checkpoint::open(directory_.path()).value().tied());

  std::erase_if(tensors, [](const ZeroTensor& tensor) { return tensor.name == kEmbeddingName; });
  write(config, tensors);
  EXPECT_EQ(Checkpoint::open(directory_.path()).value().embedding().name, kHeadName);
}

TEST_F(CheckpointTest, RefusesATiedFileForAConfigThatWantsAHead) {
  auto tensors = tensors_of(small_config());
  std::erase_if(tensors, [](const ZeroTensor& tensor) { return tensor.name == kHeadName; });
  write(small_config(), tensors);
  EXPECT_THAT(refusal().message, HasSubstr("1 tensor that config.json calls for is missing: \"lm_head.weight\""));
}

TEST_F(CheckpointTest, PrefersTheGenerationConfigsEndTokens) {
  write(small_config(), tensors_of(small_config()));
  EXPECT_THAT(Checkpoint::open(directory_.path()).value().eos_tokens(), ElementsAre(2));
  directory_.write("generation_config.json",
                   R"({"eos_token_id": [4, 5], "temperature": 0.6, "top_k": -1, "top_p": 0.9})");
  const auto checkpoint = Checkpoint::open(directory_.path());
  EXPECT_THAT(checkpoint->eos_tokens(), ElementsAre(4, 5));
  EXPECT_EQ(checkpoint->generation().temperature, 0.6f);
  EXPECT_EQ(checkpoint->generation().top_k, 0);
}

TEST_F(CheckpointTest, RefusesAGenerationConfigOutOfRange) {
  write(small_config(), tensors_of(small_config()));
  directory_.write("generation_config.json", R"({"top_p": 1.5})");
  EXPECT_THAT(refusal().message, HasSubstr("top_p is 1.5; expected a number from"));
}

class ShardedCheckpoint : public CheckpointTest {
 protected:
  void write_shards(const nlohmann::json& weight_map) {
    directory_.write("config.json", small_config().dump());
    const auto tensors = tensors_of(small_config());
    const std::vector<ZeroTensor> first(tensors.begin(), tensors.begin() + 5),
        second(tensors.begin() + 5, tensors.end());
    directory_.write("a.safetensors", safetensors_of(first));
    directory_.write("b.safetensors", safetensors_of(second));
    directory_.write("model.safetensors.index.json", nlohmann::json{{"weight_map", weight_map}}.dump());
  }
  static nlohmann::json right_map() {
    nlohmann::json map;
    const auto tensors = tensors_of(small_config());
    for (std::size_t i = 0; i < tensors.size(); ++i) map[tensors[i].name] = i < 5 ? "a.safetensors" : "b.safetensors";
    return map;
  }
};

TEST_F(ShardedCheckpoint, OpensTheFilesThatTheIndexLists) {
  write_shards(right_map());
  const auto checkpoint = Checkpoint::open(directory_.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->files(), 2u);
}

TEST_F(ShardedCheckpoint, RefusesAnIndexThatLeavesTheDirectory) {
  for (const char* name : {"../a.safetensors", "/etc/passwd", "sub/a.safetensors", "a.bin"}) {
    auto map = right_map();
    map["model.norm.weight"] = name;
    write_shards(map);
    EXPECT_THAT(refusal().message, HasSubstr("is not the name of a .safetensors file in the same directory")) << name;
  }
}

TEST_F(ShardedCheckpoint, NamesAFileOrATensorThatTheIndexPromisesInVain) {
  auto map = right_map();
  map["model.norm.weight"] = "c.safetensors";
  write_shards(map);
  EXPECT_EQ(refusal().code, ErrorCode::kMissingInput);
  EXPECT_THAT(refusal().message, HasSubstr("c.safetensors"));
  map["model.norm.weight"] = "a.safetensors";
  write_shards(map);
  EXPECT_THAT(refusal().message, HasSubstr("names tensors that are not in the files it gives: \"model.norm.weight\""));
}

TEST_F(ShardedCheckpoint, RefusesATensorThatTwoFilesHold) {
  write_shards(right_map());
  directory_.write("b.safetensors", safetensors_of(tensors_of(small_config())));
  EXPECT_THAT(refusal().message, HasSubstr("a.safetensors holds too"));
}

TEST_F(CheckpointTest, SaysWhichKindOfWeightsItFoundInstead) {
  directory_.write("config.json", small_config().dump());
  EXPECT_THAT(refusal().message, HasSubstr("neither model.safetensors nor model.safetensors.index.json"));
  directory_.write("pytorch_model.bin", "x");
  EXPECT_THAT(refusal().message, HasSubstr("There is \"pytorch_model.bin\", but only safetensors are read"));
}

TEST_F(CheckpointTest, SaysThatADirectoryOrConfigIsNotThere) {
  EXPECT_EQ(Checkpoint::open("/nowhere/at/all").error().code, ErrorCode::kMissingInput);
  EXPECT_THAT(refusal().message, HasSubstr("config.json"));
}

TEST_F(CheckpointTest, NoticesAFileThatShrankAfterItWasOpened) {
  write(small_config(), tensors_of(small_config()));
  const auto checkpoint = Checkpoint::open(directory_.path());
  std::filesystem::resize_file(directory_.path() + "/model.safetensors", 100);
  const auto checked = checkpoint->check_unchanged(checkpoint->embedding());
  ASSERT_FALSE(checked.ok());
  EXPECT_THAT(checked.error().message, HasSubstr("changed its size"));
}

}  // namespace
}  // namespace troupe::model
