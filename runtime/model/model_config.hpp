// What config.json says about a decoder-only model, checked: every number in it is in range and fits the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/core/dtype.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include "runtime/model/json_fields.hpp"
#include "runtime/model/rope_config.hpp"

namespace troupe::model {

/// The families that Troupe computes. All are pre-norm decoders with SwiGLU and rotary positions; they differ in
/// biases, q/k norm, windows and defaults.
enum class Architecture { kLlama, kMistral, kQwen2, kQwen3 };

/// "LlamaForCausalLM", ...: as config.json names them.
const char* to_string(Architecture architecture);

struct ModelConfig {
  Architecture architecture = Architecture::kLlama;
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  ///< divides heads
  std::int64_t head_dim = 0;  ///< even; heads * head_dim need not be hidden_size
  std::int64_t max_position_embeddings = 0;
  double rms_norm_epsilon = 1e-6;
  bool tied_head = false;  ///< config.json's wish: the checkpoint may still hold a head of its own
  bool qkv_bias = false;
  bool output_bias = false;  ///< of attention's o_proj
  bool mlp_bias = false;
  bool qk_norm = false;               ///< RMSNorm on each head of q and k before the rotation
  std::vector<std::int64_t> windows;  ///< for each layer: 0, or how many positions it sees, its own included
  RopeConfig rope;
  std::vector<TokenId> eos_tokens;  ///< those inside the vocabulary; others could never be drawn
  std::string dtype;                ///< as written ("bfloat16"), or empty; the tensors say what they are themselves

  std::int64_t q_size() const { return heads * head_dim; }
  std::int64_t kv_size() const { return kv_heads * head_dim; }
  /// The longest sequence the model is made for. Linear and yarn scalings stretch it where the config still gives the
  /// unstretched length, as vLLM reads it.
  std::int64_t max_positions() const;
  /// Bytes of K and V for one position: 2 x layers x kv_heads x head_dim x bytes.
  std::size_t kv_bytes_per_token(kernels::DType kv_dtype) const;
};

/// Reads config.json's object. kUnsupported names what Troupe does not do (another architecture, quantized weights,
/// experts, ...).
Result<ModelConfig> parse_model_config(const nlohmann::json& config, const std::string& where);

/// Ids from an eos_token_id field (one or a list), those outside the vocabulary left out. Absent: empty.
Result<std::vector<TokenId>> parse_eos_tokens(const JsonFields& fields, std::int64_t vocab_size);

}  // namespace troupe::model
