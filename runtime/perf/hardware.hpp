// The machines and models that a simulation may name, as data: cluster_configs/hardware.yaml, which the program carries
// within it, or a file of the same shape.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::perf {

/// What one forward pass computes.
struct StepShape {
  std::int64_t prompt_tokens = 0;   ///< of all prompts, or parts of prompts, in the step
  std::int64_t prompt_context = 0;  ///< positions before those parts: what they attend to besides themselves
  std::int64_t decodes = 0;         ///< sequences that get one token each
  std::int64_t decode_context = 0;  ///< positions that these attend to, summed
};

/// How long a step took where it was measured.
struct RecordedPoint {
  StepShape step;
  double seconds = 0;
};

/// One kind of machine. Figures of a GPU are of one; power and price of the whole machine.
struct Hardware {
  std::string name;
  std::vector<std::string> aliases = {};
  std::int32_t gpus = 1;
  std::int64_t memory_bytes = 0;                                    ///< of a GPU
  double peak_flops = 0;                                            ///< FLOP/s of a GPU, dense, 16-bit
  double memory_bytes_per_s = 0;                                    ///< of a GPU
  double link_bytes_per_s = 0;                                      ///< KV from this machine to another
  double power_w = 0;                                               ///< rated
  double price_per_hour = 0;                                        ///< US dollars
  std::map<std::string, std::vector<RecordedPoint>> recorded = {};  ///< by model: what `troupe profile` measured on it
  /// How steps that compute the same differ on it: factors of the recorded time, rising, each as likely as another;
  /// none where they do not.
  std::vector<double> jitter = {};
};

/// The shape of a model, as far as time and memory depend on it.
struct ModelShape {
  std::string name;
  std::int32_t layers = 0;
  std::int32_t hidden = 0;
  std::int32_t heads = 0;
  std::int32_t kv_heads = 0;
  std::int64_t weight_bytes = 0;
  double parameters = 0;
  std::int32_t kv_bits = 16;  ///< of one number in the KV cache

  /// KV of one token, as the model has it (grouped-query attention included).
  std::int64_t kv_bytes_per_token() const {
    return std::int64_t{2} * kv_bits / 8 * layers * (hidden / heads) * kv_heads;
  }
  /// The same as Splitwise's simulator counts it: as if each query head had a KV head of its own.
  std::int64_t kv_bytes_per_token_of_all_heads() const { return std::int64_t{2} * 2 * layers * hidden; }
};

struct Catalogue {
  std::vector<Hardware> hardware;
  std::vector<ModelShape> models;

  /// kInvalidInput with the names there are, and the nearest one.
  Result<Hardware> find_hardware(std::string_view name) const;
  Result<ModelShape> find_model(std::string_view name) const;
};

/// Entries for a catalogue's file, as parse_catalogue reads them.
std::string to_yaml(const Hardware& hardware);
std::string to_yaml(const ModelShape& model);

/// A catalogue's text (YAML); kConfig with line and column where it is not one.
Result<Catalogue> parse_catalogue(std::string_view text, const std::string& file);

/// The catalogue that the program carries.
const Catalogue& built_in_catalogue();

}  // namespace troupe::perf
