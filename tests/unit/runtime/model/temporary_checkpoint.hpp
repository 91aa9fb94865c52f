// Writes checkpoints for tests, right and wrong ones, into a directory that goes away with the object.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/base/check.hpp"
#include "runtime/model/model_config.hpp"
#include "runtime/model/weights_map.hpp"

namespace troupe::model {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe_test_XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr, name);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

/// The bytes of a safetensors file with this header text and so many bytes of data.
inline std::string safetensors_bytes(const std::string& header, std::size_t data_bytes) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return out + header + std::string(data_bytes, '\0');
}

/// A tensor to write: all zeros.
struct ZeroTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string dtype = "F32";
};

inline std::string safetensors_of(const std::vector<ZeroTensor>& tensors) {
  auto header = nlohmann::json::object();
  std::size_t at = 0;
  for (const auto& tensor : tensors) {
    std::size_t bytes = tensor.dtype == "F32" ? 4 : tensor.dtype == "I64" ? 8 : 2;
    for (const auto dimension : tensor.shape) bytes *= static_cast<std::size_t>(dimension);
    header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  return safetensors_bytes(header.dump(), at);
}

/// A small Llama's config.json.
inline nlohmann::json small_config() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"vocab_size", 11},
          {"hidden_size", 8},
          {"intermediate_size", 6},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 2},
          {"num_key_value_heads", 1},
          {"max_position_embeddings", 64},
          {"eos_token_id", 2}};
}

/// Every tensor that a config calls for, embedding and head included.
inline std::vector<ZeroTensor> tensors_of(const nlohmann::json& config) {
  const auto parsed = parse_model_config(config, "config.json");
  CHECK(parsed.ok(), parsed.error().message);
  std::vector<ZeroTensor> out;
  for (const auto& tensor : expected_layer_tensors(*parsed)) out.push_back({tensor.name, tensor.shape()});
  out.push_back({kEmbeddingName, {parsed->vocab_size, parsed->hidden_size}});
  if (!parsed->tied_head) out.push_back({kHeadName, {parsed->vocab_size, parsed->hidden_size}});
  return out;
}

}  // namespace troupe::model
