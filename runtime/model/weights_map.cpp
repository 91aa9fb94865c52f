#include "runtime/model/weights_map.hpp"

namespace troupe::model {

std::string layer_tensor(std::int64_t layer, const std::string& name) {
  return "model.layers." + std::to_string(layer) + "." + name;
}

std::vector<ExpectedTensor> expected_layer_tensors(const ModelConfig& config) {
  std::vector<ExpectedTensor> out;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const auto vector = [&](const std::string& name, std::int64_t size) {
      out.push_back({layer_tensor(layer, name), 0, size});
    };
    const auto linear = [&](const std::string& name, std::int64_t outputs, std::int64_t inputs, bool bias) {
      out.push_back({layer_tensor(layer, name + ".weight"), outputs, inputs});
      if (bias) vector(name + ".bias", outputs);
    };
    vector("input_layernorm.weight", config.hidden_size);
    linear("self_attn.q_proj", config.q_size(), config.hidden_size, config.qkv_bias);
    linear("self_attn.k_proj", config.kv_size(), config.hidden_size, config.qkv_bias);
    linear("self_attn.v_proj", config.kv_size(), config.hidden_size, config.qkv_bias);
    if (config.qk_norm) {
      vector("self_attn.q_norm.weight", config.head_dim);
      vector("self_attn.k_norm.weight", config.head_dim);
    }
    linear("self_attn.o_proj", config.hidden_size, config.q_size(), config.output_bias);
    vector("post_attention_layernorm.weight", config.hidden_size);
    linear("mlp.gate_proj", config.intermediate_size, config.hidden_size, config.mlp_bias);
    linear("mlp.up_proj", config.intermediate_size, config.hidden_size, config.mlp_bias);
    linear("mlp.down_proj", config.hidden_size, config.intermediate_size, config.mlp_bias);
  }
  out.push_back({kFinalNormName, 0, config.hidden_size});
  return out;
}

bool may_be_ignored(const std::string& name) { return name.ends_with(".rotary_emb.inv_freq"); }

}  // namespace troupe::model
