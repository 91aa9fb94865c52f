// A model's weights as the CPU kernels read them: copied out of the checkpoint's mapping once, packed, then immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "kernels/core/parallel.hpp"
#include "kernels/embedding/embedding.hpp"
#include "kernels/matmul/matmul.hpp"
#include "runtime/base/result.hpp"
#include "runtime/device/weight_memory.hpp"
#include "runtime/model/checkpoint.hpp"

namespace troupe::device {

/// One linear layer, or several side by side that read the same input.
struct CpuLinear {
  kernels::PackedMatrix weights;
  std::vector<float> bias;  ///< [outputs], or empty

  const float* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
};

struct CpuLayer {
  std::vector<float> attention_norm, mlp_norm;  ///< [hidden]
  std::vector<float> q_norm, k_norm;            ///< [head_dim], or empty
  CpuLinear qkv;                                ///< q's outputs, then k's, then v's
  CpuLinear output;
  CpuLinear gate_up;  ///< the gate's outputs, then up's
  CpuLinear down;
};

struct CpuWeights {
  std::unique_ptr<WeightMemory> memory;  ///< of the matrices below, which must go first: assign only to what is empty
  std::unique_ptr<std::byte[]> embedding_bytes;
  kernels::EmbeddingTable embedding;
  std::vector<CpuLayer> layers;
  std::vector<float> final_norm;
  CpuLinear head;
  std::size_t bytes = 0;  ///< of everything above

  /// Copies and packs every tensor, spread over `parallel`. `progress`, where set, is called in this thread with the
  /// share done, rising from above 0 to 1. Matrices that are multiplied side by side and stored in different formats
  /// are widened to float32. The checkpoint may be closed afterwards.
  static Result<CpuWeights> load(const model::Checkpoint& checkpoint, kernels::Parallel& parallel,
                                 const std::function<void(double)>& progress);
};

}  // namespace troupe::device
