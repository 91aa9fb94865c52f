// A checkpoint directory as published on the Hugging Face hub: its configuration and its weights, mapped and checked
// against each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/dtype.hpp"
#include "runtime/base/result.hpp"
#include "runtime/model/generation_config.hpp"
#include "runtime/model/model_config.hpp"
#include "runtime/model/safetensors.hpp"

namespace troupe::model {

/// A tensor that the model reads: row-major, any alignment, alive as long as its checkpoint.
struct Tensor {
  std::string name;
  kernels::DType dtype = kernels::DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::size_t file = 0;  ///< index among the checkpoint's files
};

/// Move-only. Reads nothing but headers until a tensor's bytes are touched.
class Checkpoint {
 public:
  /// Opens `directory`: config.json, generation_config.json (optional), and model.safetensors or the files that
  /// model.safetensors.index.json lists. Every tensor that the config calls for is there, in bf16, f16 or f32 and in
  /// the right shape, and nothing is there that the model would not read; else an Error that names up to five of them.
  static Result<Checkpoint> open(const std::string& directory);

  const std::string& directory() const { return directory_; }
  const ModelConfig& config() const { return config_; }
  const GenerationConfig& generation() const { return generation_; }
  /// Tokens that end a text: generation_config.json's where it names any, else config.json's.
  const std::vector<TokenId>& eos_tokens() const;

  /// A tensor that the config calls for; asking for any other is a bug.
  const Tensor& tensor(const std::string& name) const;
  const Tensor& embedding() const;
  /// The output projection: the embedding's own tensor where the two are tied.
  const Tensor& head() const;
  bool tied() const { return &embedding() == &head(); }

  /// Bytes of all tensors that the model reads, each counted once.
  std::size_t tensor_bytes() const;
  /// Sum of all elements of those tensors.
  std::int64_t parameters() const;
  std::size_t files() const { return files_.size(); }

  /// An Error where the tensor's file changed its size since it was mapped, in which case its bytes must not be
  /// touched.
  Result<void> check_unchanged(const Tensor& tensor) const;

 private:
  Checkpoint() = default;
  Result<void> map_files();
  Result<void> choose_tensors();

  std::string directory_;
  ModelConfig config_;
  GenerationConfig generation_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Tensor, std::less<>> tensors_;
  std::string embedding_name_;
  std::string head_name_;
};

}  // namespace troupe::model
