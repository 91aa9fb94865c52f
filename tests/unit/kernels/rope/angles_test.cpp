// rope_angles against libm in double and against transformers, for each kind of scaling.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <map>
#include <numbers>
#include <sstream>
#include <vector>

#include "kernels/rope/rope.hpp"

namespace troupe::kernels {
namespace {

constexpr int kHalf = 16;
constexpr double kDim = 2 * kHalf;

struct Golden {
  std::string scaling;
  float attention_factor = 0;
  std::int32_t position = 0;
  std::vector<float> frequencies, cos, sin;
};

std::vector<Golden> goldens() {
  std::ifstream file(TROUPE_SOURCE_DIR "/tests/golden/rope/angles.txt");
  std::vector<Golden> all;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    Golden golden;
    std::string word;
    words >> golden.scaling >> word >> golden.position;
    golden.attention_factor = std::strtof(word.c_str(), nullptr);
    for (auto* numbers : {&golden.frequencies, &golden.cos, &golden.sin})
      for (int i = 0; i < kHalf && words >> word; ++i) numbers->push_back(std::strtof(word.c_str(), nullptr));
    all.push_back(std::move(golden));
  }
  return all;
}

std::vector<double> plain(double theta) {
  std::vector<double> frequencies;
  for (int i = 0; i < kHalf; ++i) frequencies.push_back(std::pow(theta, -2 * i / kDim));
  return frequencies;
}

std::vector<double> linear(double theta, double factor) {
  auto frequencies = plain(theta);
  for (double& frequency : frequencies) frequency /= factor;
  return frequencies;
}

// Llama 3.1: long wavelengths are stretched by `factor`, short ones are not, those between by an interpolation.
std::vector<double> llama3(double theta, double factor, double low, double high, double original) {
  auto frequencies = plain(theta);
  for (double& frequency : frequencies) {
    const double turns = original * frequency / (2 * std::numbers::pi);
    const double unstretched = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    frequency = (1 - unstretched) * frequency / factor + unstretched * frequency;
  }
  return frequencies;
}

// YaRN (Peng et al., 2023): dimensions that turn more than 32 times in the original context stay, those below 1 turn
// are stretched.
std::vector<double> yarn(double theta, double factor, double original) {
  const auto dimension_of = [&](double turns) {
    return kDim * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(theta));
  };
  const double first = std::max(std::floor(dimension_of(32)), 0.0);
  const double last = std::min(std::ceil(dimension_of(1)), kDim - 1);
  auto frequencies = plain(theta);
  for (int i = 0; i < kHalf; ++i) {
    const double stretched = std::clamp((i - first) / (last - first), 0.0, 1.0);
    double& frequency = frequencies[static_cast<std::size_t>(i)];
    frequency = stretched * frequency / factor + (1 - stretched) * frequency;
  }
  return frequencies;
}

// One unit in the last place of a float32 near 1 is 6e-8; both sides round.
constexpr double kTolerance = 1.2e-7;

TEST(RopeAngles, MatchTransformersForEveryScaling) {
  const auto all = goldens();
  ASSERT_EQ(all.size(), 20u);
  for (const Golden& golden : all) {
    std::vector<float> cos(kHalf), sin(kHalf);
    rope_angles(std::vector<std::int32_t>{golden.position}, golden.frequencies, golden.attention_factor, cos.data(),
                sin.data());
    for (std::size_t i = 0; i < kHalf; ++i) {
      const double tolerance = kTolerance * static_cast<double>(golden.attention_factor);
      EXPECT_NEAR(static_cast<double>(cos[i]), static_cast<double>(golden.cos[i]), tolerance)
          << golden.scaling << " position " << golden.position << " at " << i;
      EXPECT_NEAR(static_cast<double>(sin[i]), static_cast<double>(golden.sin[i]), tolerance)
          << golden.scaling << " position " << golden.position << " at " << i;
    }
  }
}

TEST(RopeAngles, OfTransformersStandOnThePublishedFrequencies) {
  const std::map<std::string, std::vector<double>> formulas{{"plain", plain(10000)},
                                                            {"linear", linear(10000, 4)},
                                                            {"llama3", llama3(500000, 8, 1, 4, 8192)},
                                                            {"yarn", yarn(1000000, 4, 32768)}};
  for (const Golden& golden : goldens()) {
    const auto& frequencies = formulas.at(golden.scaling);
    for (std::size_t i = 0; i < kHalf; ++i)
      EXPECT_NEAR(static_cast<double>(golden.frequencies[i]), frequencies[i], 5e-7 * frequencies[i])
          << golden.scaling << i;
    const double factor = golden.scaling == "yarn" ? 0.1 * std::log(4.0) + 1 : 1;
    EXPECT_NEAR(static_cast<double>(golden.attention_factor), factor, 1e-7) << golden.scaling;
  }
}

TEST(RopeAngles, AgreeWithTheDoublePrecisionLibraryUpToTheLastPosition) {
  std::vector<float> frequencies;
  for (int i = 0; i < 64; ++i) frequencies.push_back(static_cast<float>(std::pow(10000.0, -i / 64.0)));
  std::vector<std::int32_t> positions{1 << 24, (1 << 24) - 1};
  for (std::int32_t position = 0; position <= 131072; position += 37) positions.push_back(position);
  std::vector<float> cos(positions.size() * 64), sin(cos.size());
  rope_angles(positions, frequencies, 1.0f, cos.data(), sin.data());
  double worst = 0;
  for (std::size_t row = 0; row < positions.size(); ++row) {
    for (std::size_t i = 0; i < 64; ++i) {
      const double angle = static_cast<double>(static_cast<float>(positions[row]) * frequencies[i]);
      worst = std::max(worst, std::abs(static_cast<double>(cos[row * 64 + i]) - std::cos(angle)));
      worst = std::max(worst, std::abs(static_cast<double>(sin[row * 64 + i]) - std::sin(angle)));
    }
  }
  EXPECT_LT(worst, 3.0e-8);  // half a unit in the last place: the rounding to float32 alone
}

TEST(RopeAngles, KeepTheirRelativeAccuracyNextToMultiplesOfPi) {
  // There the reduction cancels nearly all of the angle; a third part of pi/2 is what keeps the rest.
  std::vector<float> angles;
  for (int n = 1; n < 200000; n += 3) angles.push_back(static_cast<float>(n * std::numbers::pi));
  std::vector<float> cos(angles.size()), sin(angles.size());
  rope_angles(std::vector<std::int32_t>{1}, angles, 1.0f, cos.data(), sin.data());
  for (std::size_t i = 0; i < angles.size(); ++i) {
    const double exact = std::sin(static_cast<double>(angles[i]));
    ASSERT_NEAR(static_cast<double>(sin[i]), exact, 1.2e-7 * std::abs(exact)) << angles[i];
  }
}

TEST(RopeAngles, AreDefinedForFrequenciesThatNoModelHas) {
  // A hostile checkpoint's numbers may give any angle, but nothing undefined: the sanitizers watch this one.
  const std::vector<float> frequencies{1e38f, INFINITY, NAN, -1.0f, 1e-45f};
  std::vector<float> cos(5), sin(5);
  rope_angles(std::vector<std::int32_t>{1 << 24}, frequencies, 1.0f, cos.data(), sin.data());
  EXPECT_NEAR(cos[3], std::cos(16777216.0), 1e-7);
  EXPECT_NEAR(sin[3], -std::sin(16777216.0), 1e-7);
  EXPECT_EQ(cos[4], 1.0f);
}

TEST(RopeAnglesDeathTest, RefusePositionsThatFloat32CannotHold) {
  std::vector<float> one(1);
  EXPECT_DEATH(rope_angles(std::vector<std::int32_t>{(1 << 24) + 1}, one, 1.0f, one.data(), one.data()), "position");
  EXPECT_DEATH(rope_angles(std::vector<std::int32_t>{-1}, one, 1.0f, one.data(), one.data()), "position");
}

}  // namespace
}  // namespace troupe::kernels
