#include "runtime/model/fingerprint.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

#include <xxhash.h>

namespace troupe::model {
namespace {

/// Enough of a tensor to tell a fine-tuned one from its parent, and little enough to read at each start.
constexpr std::size_t kTensorHead = 4096;

void add_text(XXH3_state_t& state, const std::string& text) {
  XXH3_128bits_update(&state, text.data(), text.size() + 1);  // with its end, so that "ab","c" is not "a","bc"
}

void add_tensor(XXH3_state_t& state, const Tensor& tensor) {
  std::string shape = tensor.name + ":" + std::to_string(static_cast<int>(tensor.dtype));
  for (const auto size : tensor.shape) shape += "," + std::to_string(size);
  add_text(state, shape);
  XXH3_128bits_update(&state, tensor.bytes.data(), std::min(tensor.bytes.size(), kTensorHead));
}

}  // namespace

std::string fingerprint(const Checkpoint& checkpoint) {
  const auto& config = checkpoint.config();
  struct Free {
    void operator()(XXH3_state_t* each) const { XXH3_freeState(each); }
  };
  const std::unique_ptr<XXH3_state_t, Free> owned(XXH3_createState());
  auto& state = *owned;
  XXH3_128bits_reset(&state);
  char numbers[256];
  std::snprintf(numbers, sizeof numbers, "%s %lld %lld %lld %lld %a %lld", to_string(config.architecture),
                static_cast<long long>(config.layers), static_cast<long long>(config.heads),
                static_cast<long long>(config.kv_heads), static_cast<long long>(config.head_dim),
                config.rms_norm_epsilon, static_cast<long long>(checkpoint.parameters()));
  add_text(state, numbers);
  add_tensor(state, checkpoint.embedding());
  add_tensor(state, checkpoint.head());
  add_tensor(state, checkpoint.tensor("model.norm.weight"));
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    for (const char* name : {"input_layernorm.weight", "self_attn.q_proj.weight", "mlp.down_proj.weight"})
      add_tensor(state, checkpoint.tensor(prefix + name));
  }
  const auto hash = XXH3_128bits_digest(&state);
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text;
}

}  // namespace troupe::model
