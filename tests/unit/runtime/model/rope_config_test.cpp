#include "runtime/model/rope_config.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace troupe::model {
namespace {

RopeConfig parsed(const char* text, std::int64_t max_positions = 4096) {
  const auto json = nlohmann::json::parse(text);
  auto out = parse_rope(JsonFields(json, "config.json"), max_positions);
  CHECK(out.ok(), out.error().message);
  return std::move(out).value();
}

bool refused(const char* text) {
  const auto json = nlohmann::json::parse(text);
  return !parse_rope(JsonFields(json, "config.json"), 4096).ok();
}

RopeConfig plain_with(double theta) {
  RopeConfig out;
  out.theta = theta;
  return out;
}

TEST(RopeConfig, ReadsBothSpellingsAlike) {
  const auto old = parsed(R"({"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}})");
  const auto now = parsed(R"({"rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 2}})");
  for (const auto& rope : {old, now}) {
    EXPECT_EQ(rope.type, RopeType::kLinear);
    EXPECT_EQ(rope.theta, 5e5);
    EXPECT_EQ(rope.factor, 2);
  }
}

TEST(RopeConfig, IsPlainWithThetaTenThousandWhereNothingIsSaid) {
  const auto rope = parsed(R"({"rope_scaling": null})");
  EXPECT_EQ(rope.type, RopeType::kDefault);
  EXPECT_EQ(rope.theta, 10000);
}

TEST(RopeConfig, InfersYarnsAttentionFactor) {
  EXPECT_NEAR(parsed(R"({"rope_scaling": {"type": "yarn", "factor": 4}})").attention_factor, 0.1 * std::log(4.0) + 1,
              1e-12);
  EXPECT_EQ(parsed(R"({"rope_scaling": {"type": "yarn", "factor": 4, "attention_factor": 0.7}})").attention_factor,
            0.7);
  EXPECT_EQ(parsed(R"({"rope_scaling": {"type": "yarn", "factor": 0.5}})").attention_factor, 1);
  EXPECT_NEAR(parsed(R"({"rope_scaling": {"type": "yarn", "factor": 40, "mscale": 1, "mscale_all_dim": 0.5}})")
                  .attention_factor,
              (0.1 * std::log(40.0) + 1) / (0.05 * std::log(40.0) + 1), 1e-12);
}

TEST(RopeConfig, TakesYarnsOriginalLengthFromTheModelWhereItIsNotGiven) {
  EXPECT_EQ(parsed(R"({"rope_scaling": {"type": "yarn", "factor": 4}})", 777).original_max_positions, 777);
}

TEST(RopeConfig, RefusesScalingsWithMissingOrImpossibleNumbers) {
  EXPECT_TRUE(refused(R"({"rope_scaling": {"type": "linear"}})"));
  EXPECT_TRUE(refused(R"({"rope_scaling": {"type": "linear", "factor": 0}})"));
  EXPECT_TRUE(refused(R"({"rope_scaling": {"type": "llama3", "factor": 8}})"));
  EXPECT_TRUE(
      refused(R"({"rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}})"));
  EXPECT_TRUE(refused(R"({"rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 0}})"));
  EXPECT_TRUE(refused(R"({"rope_theta": 1, "rope_scaling": {"type": "yarn", "factor": 4}})"));
  EXPECT_TRUE(refused(R"({"rope_scaling": {"type": 4}})"));
  EXPECT_TRUE(refused(R"({"rope_parameters": {"full_attention": {"rope_type": "default"}}})"));
}

TEST(InverseFrequencies, FallGeometricallyFromOne) {
  const auto plain = inverse_frequencies(RopeConfig{}, 8);
  ASSERT_EQ(plain.size(), 4u);
  EXPECT_EQ(plain[0], 1.0f);
  EXPECT_FLOAT_EQ(plain[1], 0.1f);
  EXPECT_FLOAT_EQ(plain[3], 0.001f);
}

TEST(InverseFrequencies, OfLlama3KeepShortWavesAndDivideLongOnes) {
  const auto rope =
      parsed(R"({"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
                               "high_freq_factor": 4, "original_max_position_embeddings": 8192}})");
  const auto plain = inverse_frequencies(plain_with(5e5), 128), scaled = inverse_frequencies(rope, 128);
  EXPECT_EQ(scaled[0], plain[0]);
  EXPECT_EQ(scaled[63], plain[63] / 8);
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_LE(scaled[i], plain[i]);
    EXPECT_GE(scaled[i], plain[i] / 8);
  }
}

}  // namespace
}  // namespace troupe::model
