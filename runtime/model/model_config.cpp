#include "runtime/model/model_config.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/base/did_you_mean.hpp"

namespace troupe::model {
namespace {

// Far above any published model, low enough that no product of them overflows 64 bits.
constexpr Range<std::int64_t> kVocabRange{1, 1 << 24};
constexpr Range<std::int64_t> kWidthRange{1, 1 << 18};
constexpr Range<std::int64_t> kLayerRange{1, 4096};
constexpr Range<std::int64_t> kHeadRange{1, 4096};
constexpr Range<std::int64_t> kHeadDimRange{2, 512};  // attention's kMaxHeadDim
constexpr Range<std::int64_t> kPositionRange{1, 1 << 24};

/// What transformers' configuration class takes where config.json is silent.
struct Defaults {
  Architecture architecture;
  const char* model_type;
  std::int64_t kv_heads;  ///< 0: as many as heads
  std::int64_t head_dim;  ///< 0: hidden_size / heads
  std::int64_t max_positions;
};
constexpr std::array kDefaults{
    Defaults{Architecture::kLlama, "llama", 0, 0, 2048},
    Defaults{Architecture::kMistral, "mistral", 8, 0, 131072},
    Defaults{Architecture::kQwen2, "qwen2", 32, 0, 32768},
    Defaults{Architecture::kQwen3, "qwen3", 32, 128, 32768},
};

Result<Defaults> parse_architecture(const JsonFields& fields) {
  TRY(names, fields.texts("architectures", 64));
  TRY(model_type, fields.text("model_type"));
  if (names && !names->empty()) {
    std::vector<std::string> known;
    for (const auto& defaults : kDefaults) {
      if (names->front() == to_string(defaults.architecture)) return defaults;
      known.emplace_back(to_string(defaults.architecture));
    }
    return Error{ErrorCode::kUnsupported,
                 fields.where() + ": the architecture " + shown(names->front()) + " is not supported" +
                     did_you_mean(names->front(), known) +
                     ". Troupe knows LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM and "
                     "Qwen3ForCausalLM."};
  }
  for (const auto& defaults : kDefaults)
    if (model_type && *model_type == defaults.model_type) return defaults;
  return fields.wrong(
      "architectures",
      "a list that names one of LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM");
}

Result<void> refuse_unsupported(const JsonFields& fields) {
  struct Refusal {
    const char* key;
    const char* why;
  };
  constexpr std::array refusals{
      Refusal{"quantization_config", "quantized weights are not supported; use a bf16, f16 or f32 checkpoint"},
      Refusal{"compression_config", "compressed weights are not supported; use a bf16, f16 or f32 checkpoint"},
      Refusal{"num_experts", "mixture-of-experts models are not supported"},
      Refusal{"num_local_experts", "mixture-of-experts models are not supported"},
      Refusal{"n_routed_experts", "mixture-of-experts models are not supported"},
      Refusal{"vision_config", "models with a vision part are not supported"},
      Refusal{"audio_config", "models with an audio part are not supported"},
      Refusal{"text_config", "models that nest their text part are not supported"},
  };
  for (const auto& refusal : refusals) {
    const auto* value = fields.find(refusal.key);
    if (value && *value != 0 && *value != false)
      return Error{ErrorCode::kUnsupported, fields.where() + ": " + refusal.key + ": " + refusal.why + "."};
  }
  TRY(activation, fields.text("hidden_act"));
  if (activation && *activation != "silu" && *activation != "swish")
    return Error{ErrorCode::kUnsupported,
                 fields.where() + ": hidden_act " + shown(*activation) + " is not supported: Troupe knows silu."};
  return {};
}

Result<void> parse_shape(const JsonFields& fields, const Defaults& defaults, ModelConfig& model) {
  TRY(vocab, fields.required_integer("vocab_size", kVocabRange));
  TRY(hidden, fields.required_integer("hidden_size", kWidthRange));
  TRY(intermediate, fields.required_integer("intermediate_size", kWidthRange));
  TRY(layers, fields.required_integer("num_hidden_layers", kLayerRange));
  TRY(heads, fields.required_integer("num_attention_heads", kHeadRange));
  TRY(kv_heads, fields.integer("num_key_value_heads", kHeadRange));
  TRY(head_dim, fields.integer("head_dim", kHeadDimRange));
  TRY(positions, fields.integer("max_position_embeddings", kPositionRange));
  TRY(epsilon, fields.number("rms_norm_eps", {0, 1}));
  model.vocab_size = vocab;
  model.hidden_size = hidden;
  model.intermediate_size = intermediate;
  model.layers = layers;
  model.heads = heads;
  // An explicit null means "as many as heads" in every family; only an absent key takes the family's default.
  const bool default_kv = defaults.kv_heads != 0 && !fields.has("num_key_value_heads");
  model.kv_heads = kv_heads ? *kv_heads : default_kv ? defaults.kv_heads : heads;
  if (heads % model.kv_heads != 0)
    return Error{ErrorCode::kInvalidInput,
                 fields.where() + ": num_key_value_heads is " + std::to_string(model.kv_heads) +
                     "; expected a divisor of num_attention_heads, " + std::to_string(heads) + "."};
  const bool default_dim = defaults.head_dim != 0 && !fields.has("head_dim");
  if (!head_dim && !default_dim && hidden % heads != 0)
    return Error{ErrorCode::kInvalidInput, fields.where() + ": head_dim is missing and hidden_size " +
                                               std::to_string(hidden) + " is no multiple of num_attention_heads " +
                                               std::to_string(heads) + "."};
  model.head_dim = head_dim ? *head_dim : default_dim ? defaults.head_dim : hidden / heads;
  if (model.head_dim % 2 != 0 || model.head_dim < 2)
    return Error{ErrorCode::kInvalidInput, fields.where() + ": head_dim is " + std::to_string(model.head_dim) +
                                               "; rotary positions need an even number."};
  model.max_position_embeddings = positions.value_or(defaults.max_positions);
  model.rms_norm_epsilon = epsilon.value_or(1e-6);
  return {};
}

Result<void> parse_biases(const JsonFields& fields, ModelConfig& model) {
  TRY(attention_bias, fields.boolean("attention_bias"));
  TRY(mlp_bias, fields.boolean("mlp_bias"));
  TRY(tied, fields.boolean("tie_word_embeddings"));
  model.tied_head = tied.value_or(false);
  switch (model.architecture) {
    case Architecture::kLlama:
      model.qkv_bias = model.output_bias = attention_bias.value_or(false);
      model.mlp_bias = mlp_bias.value_or(false);
      break;
    case Architecture::kMistral:
      break;
    case Architecture::kQwen2:
      model.qkv_bias = true;
      break;
    case Architecture::kQwen3:
      model.qkv_bias = model.output_bias = attention_bias.value_or(false);
      model.qk_norm = true;
      break;
  }
  return {};
}

/// layer_types, or the same window in all layers from `first_windowed` on.
Result<std::vector<std::int64_t>> layer_windows(const JsonFields& fields, const ModelConfig& model, std::int64_t window,
                                                std::int64_t first_windowed) {
  std::vector<std::int64_t> windows(static_cast<std::size_t>(model.layers), 0);
  for (std::int64_t layer = first_windowed; layer < model.layers; ++layer)
    windows[static_cast<std::size_t>(layer)] = window;
  TRY(types, fields.texts("layer_types", 4096));
  if (!types) return windows;
  if (types->size() != windows.size())
    return fields.wrong("layer_types", "one entry for each of the " + std::to_string(model.layers) + " layers");
  const bool per_layer = model.architecture == Architecture::kQwen2 || model.architecture == Architecture::kQwen3;
  for (std::size_t layer = 0; layer < windows.size(); ++layer) {
    const auto& type = (*types)[layer];
    const auto place = fields.where() + ": layer_types: layer " + std::to_string(layer) + " is " + shown(type);
    if (type != "full_attention" && type != "sliding_attention")
      return Error{ErrorCode::kUnsupported, place + ". Troupe knows full_attention and sliding_attention."};
    if (type == "sliding_attention" && window == 0)
      return Error{ErrorCode::kInvalidInput, place + ", but no sliding_window is in use."};
    const auto wanted = type == "sliding_attention" ? window : 0;
    if (!per_layer && wanted != windows[layer])
      return Error{ErrorCode::kUnsupported,
                   place + ": layers of different kinds are not supported in a " + to_string(model.architecture) + "."};
    windows[layer] = wanted;
  }
  return windows;
}

Result<void> parse_windows(const JsonFields& fields, ModelConfig& model) {
  constexpr std::int64_t kDefaultWindow = 4096;  // of transformers' Mistral, Qwen2 and Qwen3 configurations
  std::int64_t window = 0, first_windowed = 0;
  if (model.architecture != Architecture::kLlama) {
    TRY(given, fields.integer("sliding_window", kPositionRange));
    window = given ? *given : fields.has("sliding_window") ? 0 : kDefaultWindow;
  }
  if (model.architecture == Architecture::kQwen2 || model.architecture == Architecture::kQwen3) {
    TRY(used, fields.boolean("use_sliding_window"));
    TRY(full_layers, fields.integer("max_window_layers", {0, 1 << 20}));
    if (!used.value_or(false)) window = 0;
    first_windowed = full_layers.value_or(28);
  }
  TRY(windows, layer_windows(fields, model, window, first_windowed));
  model.windows = std::move(windows);
  return {};
}

}  // namespace

const char* to_string(Architecture architecture) {
  switch (architecture) {
    case Architecture::kLlama:
      return "LlamaForCausalLM";
    case Architecture::kMistral:
      return "MistralForCausalLM";
    case Architecture::kQwen2:
      return "Qwen2ForCausalLM";
    case Architecture::kQwen3:
      return "Qwen3ForCausalLM";
  }
  return "unknown";
}

std::int64_t ModelConfig::max_positions() const {
  double stretched = 0;
  if (rope.type == RopeType::kLinear) stretched = static_cast<double>(max_position_embeddings) * rope.factor;
  if (rope.type == RopeType::kYarn) stretched = static_cast<double>(rope.original_max_positions) * rope.factor;
  // Angles are exact to 2^24 positions.
  const auto bounded = static_cast<std::int64_t>(std::min(stretched, 0x1p24));
  return std::max(max_position_embeddings, bounded);
}

std::size_t ModelConfig::kv_bytes_per_token(kernels::DType kv_dtype) const {
  return static_cast<std::size_t>(2 * layers * kv_heads * head_dim) * kernels::bytes_of(kv_dtype);
}

Result<std::vector<TokenId>> parse_eos_tokens(const JsonFields& fields, std::int64_t vocab_size) {
  TRY(ids, fields.integers("eos_token_id"));
  std::vector<TokenId> out;
  if (ids)
    for (const auto id : *ids)
      if (id >= 0 && id < vocab_size && std::find(out.begin(), out.end(), id) == out.end())
        out.push_back(static_cast<TokenId>(id));
  return out;
}

Result<ModelConfig> parse_model_config(const nlohmann::json& config, const std::string& where) {
  const JsonFields fields(config, where);
  TRY(defaults, parse_architecture(fields));
  TRY_VOID(refuse_unsupported(fields));
  ModelConfig model;
  model.architecture = defaults.architecture;
  TRY_VOID(parse_shape(fields, defaults, model));
  TRY_VOID(parse_biases(fields, model));
  TRY_VOID(parse_windows(fields, model));
  TRY(rope, parse_rope(fields, model.max_position_embeddings));
  model.rope = rope;
  TRY(eos, parse_eos_tokens(fields, model.vocab_size));
  model.eos_tokens = std::move(eos);
  TRY(dtype, fields.text("dtype"));
  TRY(torch_dtype, fields.text("torch_dtype"));
  model.dtype = dtype ? *dtype : torch_dtype.value_or("");
  return model;
}

}  // namespace troupe::model
