// Which tensors a model needs, by the names that Hugging Face checkpoints give them, and which roles they play.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/model/model_config.hpp"

namespace troupe::model {

/// One tensor that a model's arithmetic reads. A vector has shape [columns] and rows 0; a matrix [rows][columns] is
/// stored as outputs x inputs.
struct ExpectedTensor {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t columns = 0;

  std::vector<std::int64_t> shape() const { return rows == 0 ? std::vector{columns} : std::vector{rows, columns}; }
};

inline constexpr const char* kEmbeddingName = "model.embed_tokens.weight";
inline constexpr const char* kHeadName = "lm_head.weight";
inline constexpr const char* kFinalNormName = "model.norm.weight";

/// "model.layers.3.self_attn.q_proj.weight" for (3, "self_attn.q_proj.weight").
std::string layer_tensor(std::int64_t layer, const std::string& name);

/// Every tensor that `config` calls for, in the model's order; embedding and head excluded, whose tying the checkpoint
/// decides.
std::vector<ExpectedTensor> expected_layer_tensors(const ModelConfig& config);

/// Whether a tensor that the model does not read may lie in a checkpoint all the same: buffers that older exporters
/// saved.
bool may_be_ignored(const std::string& name);

}  // namespace troupe::model
