#include "runtime/model/rope_config.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace troupe::model {
namespace {

constexpr Range<double> kThetaRange{1.000001, 1e15};
constexpr Range<double> kFactorRange{1e-6, 1e6};

Result<RopeType> parse_type(const JsonFields& rope) {
  TRY(new_name, rope.text("rope_type"));
  TRY(old_name, rope.text("type"));
  const auto name = new_name ? *new_name : old_name.value_or("default");
  for (const auto type : {RopeType::kDefault, RopeType::kLinear, RopeType::kLlama3, RopeType::kYarn})
    if (name == to_string(type)) return type;
  return Error{ErrorCode::kUnsupported, rope.where() + ": rope_type " + shown(name) +
                                            " is not supported. Troupe knows default, linear, llama3 and yarn."};
}

/// YaRN's section 3.4: how much attention is sharpened; mscale as DeepSeek's checkpoints extend it.
double yarn_mscale(double factor, double mscale) { return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0; }

Result<void> parse_yarn(const JsonFields& fields, std::int64_t max_position_embeddings, RopeConfig& rope) {
  if (!fields.find("factor"))
    rope.factor = static_cast<double>(max_position_embeddings) / static_cast<double>(rope.original_max_positions);
  TRY(attention_factor, fields.number("attention_factor", kFactorRange));
  TRY(mscale, fields.number("mscale", {0, 1e6}));
  TRY(mscale_all_dim, fields.number("mscale_all_dim", {0, 1e6}));
  TRY(beta_fast, fields.number("beta_fast", {0, 1e6}));
  TRY(beta_slow, fields.number("beta_slow", {0, 1e6}));
  TRY(truncate, fields.boolean("truncate"));
  // Zero counts as not given, as in transformers.
  rope.beta_fast = beta_fast.value_or(0) > 0 ? *beta_fast : 32;
  rope.beta_slow = beta_slow.value_or(0) > 0 ? *beta_slow : 1;
  rope.truncate = truncate.value_or(true);
  if (attention_factor) {
    rope.attention_factor = *attention_factor;
  } else if (mscale.value_or(0) > 0 && mscale_all_dim.value_or(0) > 0) {
    rope.attention_factor = yarn_mscale(rope.factor, *mscale) / yarn_mscale(rope.factor, *mscale_all_dim);
  } else {
    rope.attention_factor = yarn_mscale(rope.factor, 1);
  }
  return {};
}

Result<void> check_partial_rotary(const JsonFields& fields) {
  TRY(partial, fields.number("partial_rotary_factor", {0, 1e6}));
  if (partial.value_or(1) != 1)
    return Error{ErrorCode::kUnsupported, fields.where() + ": partial_rotary_factor " +
                                              shown(*fields.find("partial_rotary_factor")) +
                                              " is not supported: Troupe rotates whole heads only."};
  return {};
}

void scale_llama3(const RopeConfig& rope, std::vector<float>& frequencies) {
  const auto original = static_cast<double>(rope.original_max_positions);
  const auto longest_kept = static_cast<float>(original / rope.high_freq_factor);
  const auto shortest_divided = static_cast<float>(original / rope.low_freq_factor);
  const auto factor = static_cast<float>(rope.factor);
  const auto low = static_cast<float>(rope.low_freq_factor);
  const auto ramp = static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);
  for (auto& frequency : frequencies) {
    const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
    if (wavelength > shortest_divided) {
      frequency = frequency / factor;
    } else if (!(wavelength < longest_kept)) {
      const float smooth = (static_cast<float>(original) / wavelength - low) / ramp;
      frequency = (1 - smooth) * frequency / factor + smooth * frequency;
    }
  }
}

/// The dimension whose wave turns `rotations` times over the original length (YaRN, section 3.2).
double yarn_dimension(const RopeConfig& rope, double rotations, double head_dim) {
  return head_dim * std::log(static_cast<double>(rope.original_max_positions) / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(rope.theta));
}

void scale_yarn(const RopeConfig& rope, std::int64_t head_dim, const std::vector<float>& powers,
                std::vector<float>& out) {
  const auto dim = static_cast<double>(head_dim);
  double low = yarn_dimension(rope, rope.beta_fast, dim);
  double high = yarn_dimension(rope, rope.beta_slow, dim);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float ramp =
        std::clamp((static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0f, 1.0f);
    const float keep = 1 - ramp;
    const float divided = 1 / (static_cast<float>(rope.factor) * powers[i]);
    out[i] = divided * (1 - keep) + (1 / powers[i]) * keep;
  }
}

}  // namespace

const char* to_string(RopeType type) {
  switch (type) {
    case RopeType::kDefault:
      return "default";
    case RopeType::kLinear:
      return "linear";
    case RopeType::kLlama3:
      return "llama3";
    case RopeType::kYarn:
      return "yarn";
  }
  return "unknown";
}

Result<RopeConfig> parse_rope(const JsonFields& config, std::int64_t max_position_embeddings) {
  static const auto kNone = nlohmann::json::object();
  // rope_scaling is the older spelling; where both are given transformers takes it, unless it is empty.
  const char* spelling =
      config.find("rope_scaling") && !config.find("rope_scaling")->empty() ? "rope_scaling" : "rope_parameters";
  const auto* value = config.find(spelling);
  if (value && !value->is_object()) return config.wrong(spelling, "an object");
  const JsonFields fields(value ? *value : kNone, config.where() + ": " + spelling);
  for (const char* nested : {"full_attention", "sliding_attention"})
    if (fields.find(nested))
      return Error{ErrorCode::kUnsupported,
                   fields.where() + ": rotary settings that differ between layer types are not supported."};

  RopeConfig rope;
  TRY_VOID(check_partial_rotary(config));
  TRY_VOID(check_partial_rotary(fields));
  TRY(type, parse_type(fields));
  rope.type = type;
  TRY(outer_theta, config.number("rope_theta", kThetaRange));
  TRY(theta, fields.number("rope_theta", kThetaRange));
  rope.theta = theta ? *theta : outer_theta.value_or(10000);
  if (type == RopeType::kDefault) return rope;

  TRY(factor, fields.number("factor", kFactorRange));
  if (!factor && type != RopeType::kYarn)
    return fields.wrong("factor", "a number: how far the positions are stretched");
  rope.factor = factor.value_or(1);
  if (type == RopeType::kLinear) return rope;

  const Range<std::int64_t> positions{1, 1 << 24};
  TRY(outer_original, config.integer("original_max_position_embeddings", positions));
  TRY(original, fields.integer("original_max_position_embeddings", positions));
  rope.original_max_positions = outer_original ? *outer_original : original.value_or(max_position_embeddings);
  if (type == RopeType::kYarn) {
    TRY_VOID(parse_yarn(fields, max_position_embeddings, rope));
    return rope;
  }
  TRY(low, fields.number("low_freq_factor", kFactorRange));
  TRY(high, fields.number("high_freq_factor", kFactorRange));
  if (!low) return fields.wrong("low_freq_factor", "a number");
  if (!high || *high <= *low) return fields.wrong("high_freq_factor", "a number greater than low_freq_factor");
  rope.low_freq_factor = *low;
  rope.high_freq_factor = *high;
  return rope;
}

std::vector<float> inverse_frequencies(const RopeConfig& rope, std::int64_t head_dim) {
  const auto half = static_cast<std::size_t>(head_dim / 2);
  std::vector<float> powers(half), out(half);
  for (std::size_t i = 0; i < half; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    powers[i] = static_cast<float>(std::pow(rope.theta, static_cast<double>(exponent)));
    out[i] = 1 / powers[i];
  }
  switch (rope.type) {
    case RopeType::kDefault:
      break;
    case RopeType::kLinear:
      for (auto& frequency : out) frequency /= static_cast<float>(rope.factor);
      break;
    case RopeType::kLlama3:
      scale_llama3(rope, out);
      break;
    case RopeType::kYarn:
      scale_yarn(rope, head_dim, powers, out);
      break;
  }
  return out;
}

}  // namespace troupe::model
