#include "runtime/model/model_config.hpp"

#include <gmock/gmock.h>

#include "tests/unit/runtime/model/temporary_checkpoint.hpp"

namespace troupe::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ModelConfig parsed(const nlohmann::json& config) {
  auto out = parse_model_config(config, "config.json");
  CHECK(out.ok(), out.error().message);
  return std::move(out).value();
}

nlohmann::json with(const nlohmann::json& changes) {
  auto config = small_config();
  config.update(changes);
  return config;
}

Error refusal(const nlohmann::json& changes) {
  const auto out = parse_model_config(with(changes), "config.json");
  CHECK(!out.ok(), changes.dump());
  return out.error();
}

TEST(ModelConfig, TakesTheShapeAndTheDefaultsOfALlama) {
  auto config = small_config();
  config.erase("num_key_value_heads");
  const auto model = parsed(config);
  EXPECT_EQ(model.kv_heads, 2);
  EXPECT_EQ(model.head_dim, 4);
  EXPECT_EQ(model.rms_norm_epsilon, 1e-6);
  EXPECT_FALSE(model.qkv_bias || model.output_bias || model.mlp_bias || model.qk_norm || model.tied_head);
  EXPECT_THAT(model.windows, ElementsAre(0, 0));
  EXPECT_THAT(model.eos_tokens, ElementsAre(2));
}

TEST(ModelConfig, GivesEachFamilyItsBiasesAndNorms) {
  EXPECT_TRUE(parsed(with({{"attention_bias", true}})).output_bias);
  const auto qwen2 = parsed(with({{"architectures", {"Qwen2ForCausalLM"}}}));
  EXPECT_TRUE(qwen2.qkv_bias);
  EXPECT_FALSE(qwen2.output_bias);
  const auto qwen3 = parsed(with({{"architectures", {"Qwen3ForCausalLM"}}}));
  EXPECT_TRUE(qwen3.qk_norm);
  EXPECT_EQ(qwen3.head_dim, 128);
}

TEST(ModelConfig, KnowsTheFamilyByModelTypeWhereArchitecturesIsMissing) {
  auto config = with({{"model_type", "qwen3"}});
  config.erase("architectures");
  EXPECT_EQ(parsed(config).architecture, Architecture::kQwen3);
}

TEST(ModelConfig, TellsAnAbsentWindowFromANullOne) {
  EXPECT_THAT(parsed(with({{"architectures", {"MistralForCausalLM"}}})).windows, ElementsAre(4096, 4096));
  EXPECT_THAT(parsed(with({{"architectures", {"MistralForCausalLM"}}, {"sliding_window", nullptr}})).windows,
              ElementsAre(0, 0));
  EXPECT_THAT(parsed(with({{"architectures", {"MistralForCausalLM"}}, {"sliding_window", 7}})).windows,
              ElementsAre(7, 7));
}

TEST(ModelConfig, UsesQwensWindowOnlyWhereAskedAndFromTheNamedLayerOn) {
  const nlohmann::json qwen = {
      {"architectures", {"Qwen2ForCausalLM"}}, {"sliding_window", 9}, {"max_window_layers", 1}};
  auto config = with(qwen);
  EXPECT_THAT(parsed(config).windows, ElementsAre(0, 0));
  config["use_sliding_window"] = true;
  EXPECT_THAT(parsed(config).windows, ElementsAre(0, 9));
  config["layer_types"] = {"sliding_attention", "full_attention"};
  EXPECT_THAT(parsed(config).windows, ElementsAre(9, 0));
}

TEST(ModelConfig, RefusesLayerTypesThatItCannotHonour) {
  EXPECT_THAT(
      refusal({{"architectures", {"Qwen3ForCausalLM"}}, {"layer_types", {"sliding_attention", "full_attention"}}})
          .message,
      HasSubstr("no sliding_window is in use"));
  EXPECT_THAT(refusal({{"layer_types", {"chunked_attention", "full_attention"}}}).message,
              HasSubstr("layer 0 is \"chunked_attention\""));
  EXPECT_THAT(refusal({{"layer_types", {"full_attention"}}}).message, HasSubstr("2 layers"));
}

TEST(ModelConfig, LeavesOutEndTokensOutsideTheVocabulary) {
  EXPECT_THAT(parsed(with({{"eos_token_id", {5, 99999, -1, 5, 3}}})).eos_tokens, ElementsAre(5, 3));
}

TEST(ModelConfig, RefusesByNameWhatItDoesNotCompute) {
  struct Case {
    nlohmann::json changes;
    const char* named;
  };
  const std::vector<Case> cases{
      {{{"architectures", {"GemmaForCausalLM"}}}, "GemmaForCausalLM"},
      {{{"architectures", {"Qwen2MoeForCausalLM"}}}, "Qwen2MoeForCausalLM"},
      {{{"quantization_config", {{"quant_method", "awq"}}}}, "quantization_config"},
      {{{"num_local_experts", 8}}, "num_local_experts"},
      {{{"hidden_act", "gelu"}}, "hidden_act \"gelu\""},
      {{{"partial_rotary_factor", 0.5}}, "partial_rotary_factor 0.5"},
      {{{"rope_parameters", {{"rope_type", "default"}, {"partial_rotary_factor", 0.25}}}},
       "partial_rotary_factor 0.25"},
      {{{"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}}}, "rope_type \"dynamic\""},
      {{{"rope_scaling", {{"rope_type", "longrope"}}}}, "rope_type \"longrope\""},
  };
  for (const auto& [changes, named] : cases) {
    const auto error = refusal(changes);
    EXPECT_EQ(error.code, ErrorCode::kUnsupported) << named;
    EXPECT_THAT(error.message, HasSubstr(named));
  }
}

TEST(ModelConfig, RefusesNumbersThatDoNotFitEachOther) {
  const std::vector<nlohmann::json> wrong{{{"num_key_value_heads", 3}},
                                          {{"hidden_size", 9}},
                                          {{"head_dim", 5}},
                                          {{"vocab_size", 0}},
                                          {{"vocab_size", -1}},
                                          {{"hidden_size", 1e12}},
                                          {{"hidden_size", "8"}},
                                          {{"num_hidden_layers", 1 << 30}},
                                          {{"rms_norm_eps", -1}},
                                          {{"rms_norm_eps", "1e-6"}},
                                          {{"rope_theta", 0}},
                                          {{"rope_theta", "big"}},
                                          {{"eos_token_id", "</s>"}},
                                          {{"architectures", 7}},
                                          {{"rope_scaling", {1, 2}}},
                                          {{"tie_word_embeddings", 1}},
                                          {{"head_dim", 0}},
                                          {{"layer_types", 3}},
                                          {{"attention_bias", "no"}},
                                          {{"num_attention_heads", 0}}};
  for (const auto& changes : wrong) EXPECT_FALSE(parse_model_config(with(changes), "config.json").ok()) << changes;
}

TEST(ModelConfig, NamesAMissingNumber) {
  auto config = small_config();
  config.erase("hidden_size");
  const auto out = parse_model_config(config, "config.json");
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.error().message, HasSubstr("hidden_size is missing"));
}

TEST(ModelConfig, CountsKvBytesOfAToken) {
  EXPECT_EQ(parsed(small_config()).kv_bytes_per_token(kernels::DType::kF32), 2u * 2 * 1 * 4 * 4);
  EXPECT_EQ(parsed(small_config()).kv_bytes_per_token(kernels::DType::kBf16), 2u * 2 * 1 * 4 * 2);
}

TEST(ModelConfig, SeesTheLengthThatAScalingStretchesTo) {
  const auto positions = [](const nlohmann::json& rope) {
    return parsed(with({{"rope_scaling", rope}})).max_positions();
  };
  EXPECT_EQ(parsed(small_config()).max_positions(), 64);
  EXPECT_EQ(positions({{"type", "linear"}, {"factor", 4.0}}), 256);
  EXPECT_EQ(positions({{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 64}}), 256);
  EXPECT_EQ(positions({{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 16}}), 64);
}

}  // namespace
}  // namespace troupe::model
