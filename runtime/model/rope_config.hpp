// How positions turn into rotations: the rotary settings of config.json and the frequencies that follow from them.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/model/json_fields.hpp"

namespace troupe::model {

/// How a checkpoint stretches the positions that it was trained on.
enum class RopeType {
  kDefault,  ///< plain (Su et al., 2021)
  kLinear,   ///< all frequencies divided by `factor` (Chen et al., 2023)
  kLlama3,   ///< long wavelengths divided, short ones kept, a ramp between (Llama 3.1)
  kYarn,     ///< a ramp over dimensions and a scale on cos and sin (Peng et al., 2023)
};

/// "default", "linear", "llama3", "yarn": the names that config.json uses.
const char* to_string(RopeType type);

struct RopeConfig {
  RopeType type = RopeType::kDefault;
  double theta = 10000;
  double factor = 1;                        ///< linear, llama3, yarn
  std::int64_t original_max_positions = 0;  ///< llama3, yarn: the length the model was first trained for
  double low_freq_factor = 1;               ///< llama3
  double high_freq_factor = 4;              ///< llama3
  double attention_factor = 1;              ///< yarn: multiplies cos and sin
  double beta_fast = 32;                    ///< yarn
  double beta_slow = 1;                     ///< yarn
  bool truncate = true;                     ///< yarn: round the ramp's ends outward to whole dimensions
};

/// Reads `rope_scaling` and `rope_theta`, or `rope_parameters`, from the top level of config.json, with the precedence
/// that transformers 5 gives them. Unknown kinds, and a partial_rotary_factor other than 1, are kUnsupported.
Result<RopeConfig> parse_rope(const JsonFields& config, std::int64_t max_position_embeddings);

/// head_dim / 2 frequencies in float32, rounded where transformers' float32 arithmetic rounds, so that both give the
/// same angles.
std::vector<float> inverse_frequencies(const RopeConfig& rope, std::int64_t head_dim);

}  // namespace troupe::model
