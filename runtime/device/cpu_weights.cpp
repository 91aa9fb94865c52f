#include "runtime/device/cpu_weights.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/model/weights_map.hpp"

namespace troupe::device {
namespace {

using kernels::DType;
using kernels::PackedMatrix;
using model::Tensor;

/// `count` numbers at `from` (any alignment) as float32.
void widen(DType dtype, const std::byte* from, std::int64_t count, float* to) {
  if (dtype == DType::kF32) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, from + 2 * i, 2);
    to[i] = dtype == DType::kF16 ? kernels::f16_to_f32(bits) : kernels::bf16_to_f32(bits);
  }
}

/// Loads a checkpoint's tensors one after another, counting how far it is.
class Loader {
 public:
  Loader(const model::Checkpoint& checkpoint, kernels::Parallel& parallel, const std::function<void(double)>& progress,
         WeightMemory& memory)
      : checkpoint_(checkpoint), parallel_(parallel), progress_(progress), memory_(memory) {
    total_ = checkpoint.tensor_bytes() + (checkpoint.tied() ? checkpoint.embedding().bytes.size() : 0);
  }

  Result<std::vector<float>> vector(const std::string& name) {
    const auto& tensor = checkpoint_.tensor(name);
    TRY_VOID(checkpoint_.check_unchanged(tensor));
    std::vector<float> out(static_cast<std::size_t>(tensor.shape[0]));
    widen(tensor.dtype, tensor.bytes.data(), tensor.shape[0], out.data());
    held_ += out.size() * sizeof(float);
    advance(tensor.bytes.size());
    return out;
  }

  /// `names` without ".weight" and ".bias", packed under one another.
  Result<CpuLinear> linear(const std::vector<std::string>& names, bool bias) {
    std::vector<const Tensor*> sources;
    for (const auto& name : names) sources.push_back(&checkpoint_.tensor(name + ".weight"));
    TRY(out, pack(sources));
    if (!bias) return std::move(out);
    for (const auto& name : names) {
      TRY(part, vector(name + ".bias"));
      out.bias.insert(out.bias.end(), part.begin(), part.end());
    }
    return std::move(out);
  }

  Result<CpuLinear> pack(const std::vector<const Tensor*>& sources) {
    std::int64_t outputs = 0;
    DType dtype = sources.front()->dtype;
    for (const auto* source : sources) {
      TRY_VOID(checkpoint_.check_unchanged(*source));
      outputs += source->shape[0];
      if (source->dtype != dtype) dtype = DType::kF32;
    }
    CpuLinear out;
    out.weights = PackedMatrix(outputs, sources.front()->shape[1], dtype, memory_.resource());
    const auto panels = static_cast<std::size_t>(out.weights.panels());
    parallel_.run(panels,
                  [&](std::size_t panel) { pack_panel(out.weights, static_cast<std::int64_t>(panel), sources); });
    held_ += out.weights.bytes();
    for (const auto* source : sources) advance(source->bytes.size());
    return out;
  }

  Result<void> embedding(CpuWeights& out) {
    const auto& tensor = checkpoint_.embedding();
    TRY_VOID(checkpoint_.check_unchanged(tensor));
    out.embedding_bytes = std::make_unique_for_overwrite<std::byte[]>(tensor.bytes.size());
    std::memcpy(out.embedding_bytes.get(), tensor.bytes.data(), tensor.bytes.size());
    out.embedding = {out.embedding_bytes.get(), tensor.dtype, tensor.shape[0], tensor.shape[1]};
    held_ += tensor.bytes.size();
    advance(tensor.bytes.size());
    return {};
  }

  std::size_t held_bytes() const { return held_; }

 private:
  /// The rows of each source that fall into one panel: panels are what threads may fill at the same time.
  static void pack_panel(PackedMatrix& matrix, std::int64_t panel, const std::vector<const Tensor*>& sources) {
    const std::int64_t begin = panel * PackedMatrix::kPanelColumns;
    const std::int64_t end = std::min(begin + PackedMatrix::kPanelColumns, matrix.outputs());
    std::vector<float> widened;
    std::int64_t first = 0;
    for (const auto* source : sources) {
      const std::int64_t from = std::max(begin, first), to = std::min(end, first + source->shape[0]);
      if (from < to) {
        const auto count = (to - from) * matrix.inputs();
        const auto* rows =
            source->bytes.data() + static_cast<std::size_t>((from - first) * matrix.inputs()) * bytes_of(source->dtype);
        if (source->dtype == matrix.dtype()) {
          matrix.pack_rows(from, to - from, rows);
        } else {
          widened.resize(static_cast<std::size_t>(count));
          widen(source->dtype, rows, count, widened.data());
          matrix.pack_rows(from, to - from, widened.data());
        }
      }
      first += source->shape[0];
    }
  }

  void advance(std::size_t bytes) {
    done_ += bytes;
    if (progress_) progress_(static_cast<double>(done_) / static_cast<double>(total_));
  }

  const model::Checkpoint& checkpoint_;
  kernels::Parallel& parallel_;
  const std::function<void(double)>& progress_;
  std::size_t total_ = 0;
  std::size_t done_ = 0;
  std::size_t held_ = 0;
  WeightMemory& memory_;
};

Result<CpuLayer> load_layer(Loader& loader, const model::ModelConfig& config, std::int64_t layer) {
  const auto named = [&](const char* name) { return model::layer_tensor(layer, name); };
  CpuLayer out;
  TRY(attention_norm, loader.vector(named("input_layernorm.weight")));
  TRY(mlp_norm, loader.vector(named("post_attention_layernorm.weight")));
  TRY(qkv, loader.linear({named("self_attn.q_proj"), named("self_attn.k_proj"), named("self_attn.v_proj")},
                         config.qkv_bias));
  TRY(output, loader.linear({named("self_attn.o_proj")}, config.output_bias));
  TRY(gate_up, loader.linear({named("mlp.gate_proj"), named("mlp.up_proj")}, config.mlp_bias));
  TRY(down, loader.linear({named("mlp.down_proj")}, config.mlp_bias));
  out.attention_norm = std::move(attention_norm);
  out.mlp_norm = std::move(mlp_norm);
  out.qkv = std::move(qkv);
  out.output = std::move(output);
  out.gate_up = std::move(gate_up);
  out.down = std::move(down);
  if (config.qk_norm) {
    TRY(q_norm, loader.vector(named("self_attn.q_norm.weight")));
    TRY(k_norm, loader.vector(named("self_attn.k_norm.weight")));
    out.q_norm = std::move(q_norm);
    out.k_norm = std::move(k_norm);
  }
  return out;
}

}  // namespace

Result<CpuWeights> CpuWeights::load(const model::Checkpoint& checkpoint, kernels::Parallel& parallel,
                                    const std::function<void(double)>& progress) {
  const auto& config = checkpoint.config();
  CpuWeights out;
  // Panels are padded and aligned; what is not needed of it is never touched.
  out.memory = std::make_unique<WeightMemory>(checkpoint.tensor_bytes() + checkpoint.tensor_bytes() / 16);
  Loader loader(checkpoint, parallel, progress, *out.memory);
  TRY_VOID(loader.embedding(out));
  out.layers.reserve(static_cast<std::size_t>(config.layers));
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    TRY(loaded, load_layer(loader, config, layer));
    out.layers.push_back(std::move(loaded));
  }
  TRY(final_norm, loader.vector(model::kFinalNormName));
  out.final_norm = std::move(final_norm);
  TRY(head, loader.pack({&checkpoint.head()}));
  out.head = std::move(head);
  out.bytes = loader.held_bytes();
  return out;
}

}  // namespace troupe::device
