// generation_config.json: what the model's makers recommend for sampling, and which tokens end a text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::model {

/// Defaults for requests that do not say otherwise. Empty: the API's own default holds.
struct GenerationConfig {
  std::vector<TokenId> eos_tokens;  ///< empty: config.json's hold
  std::optional<bool> do_sample;
  std::optional<float> temperature;
  std::optional<std::int32_t> top_k;  ///< 0: all
  std::optional<float> top_p;
  std::optional<float> min_p;
  std::optional<float> repetition_penalty;
  std::optional<std::int32_t> max_new_tokens;
};

/// Reads the file; one that does not exist gives an empty config. Values out of range are kInvalidInput.
Result<GenerationConfig> read_generation_config(const std::string& path, std::int64_t vocab_size);

}  // namespace troupe::model
