#include "runtime/model/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>

#include "runtime/model/json_fields.hpp"
#include "runtime/model/weights_map.hpp"

namespace troupe::model {
namespace {

constexpr std::size_t kConfigLimit = 4 << 20;
constexpr std::size_t kIndexLimit = 64 << 20;
constexpr std::size_t kMaxFiles = 4096;
constexpr std::size_t kNamesShown = 5;

Error invalid(const std::string& where, const std::string& message) {
  return {ErrorCode::kInvalidInput, where + ": " + message};
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) out += (i ? ", " : "") + shown(names[i]);
  if (names.size() > kNamesShown) out += " and " + std::to_string(names.size() - kNamesShown) + " more";
  return out;
}

std::string written(const std::vector<std::int64_t>& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

std::optional<kernels::DType> dtype_from(const std::string& name) {
  if (name == "F32") return kernels::DType::kF32;
  if (name == "F16") return kernels::DType::kF16;
  if (name == "BF16") return kernels::DType::kBf16;
  return std::nullopt;
}

/// What a directory holds instead of safetensors, to say so.
std::string other_weights(const std::string& directory) {
  std::error_code ignored;
  for (std::filesystem::directory_iterator entry(directory, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    const auto name = entry->path().filename().string();
    for (const char* suffix : {".bin", ".pt", ".pth", ".gguf"})
      if (name.ends_with(suffix))
        return " There is " + shown(name) +
               ", but only safetensors are read: convert it with transformers' save_pretrained.";
    if (name.ends_with(".safetensors")) return " There is " + shown(name) + ", but no index that lists it.";
  }
  return "";
}

/// The index's tensor -> file map.
Result<std::map<std::string, std::string>> read_index(const std::string& path) {
  TRY(index, read_json_object(path, kIndexLimit));
  const JsonFields fields(index, path);
  const auto* map = fields.find("weight_map");
  if (!map || !map->is_object() || map->empty())
    return fields.wrong("weight_map", "an object from tensor names to file names");
  std::map<std::string, std::string> out;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string())
      return invalid(path, "weight_map: " + shown(tensor) + " names " + shown(file) + "; expected a file name.");
    const auto& name = file.get_ref<const std::string&>();
    if (!name.ends_with(".safetensors") || name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
      return invalid(path,
                     "weight_map: " + shown(file) + " is not the name of a .safetensors file in the same directory.");
    out.emplace(tensor, name);
  }
  return out;
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const std::string& directory) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(directory, ignored))
    return Error{ErrorCode::kMissingInput,
                 directory + ": is not a directory. Give the path of a Hugging Face checkpoint."};
  Checkpoint out;
  out.directory_ = directory;
  const auto config_path = directory + "/config.json";
  TRY(config_json, read_json_object(config_path, kConfigLimit));
  TRY(config, parse_model_config(config_json, config_path));
  out.config_ = std::move(config);
  TRY(generation, read_generation_config(directory + "/generation_config.json", out.config_.vocab_size));
  out.generation_ = std::move(generation);
  TRY_VOID(out.map_files());
  TRY_VOID(out.choose_tensors());
  return out;
}

Result<void> Checkpoint::map_files() {
  const auto single = directory_ + "/model.safetensors";
  const auto index_path = directory_ + "/model.safetensors.index.json";
  std::error_code ignored;
  if (std::filesystem::exists(single, ignored)) {
    TRY(file, SafetensorsFile::open(single));
    files_.push_back(std::move(file));
    return {};
  }
  if (!std::filesystem::exists(index_path, ignored))
    return Error{
        ErrorCode::kMissingInput,
        directory_ + ": has neither model.safetensors nor model.safetensors.index.json." + other_weights(directory_)};
  TRY(index, read_index(index_path));
  std::set<std::string> names;
  for (const auto& [tensor, file] : index) names.insert(file);
  if (names.size() > kMaxFiles) return invalid(index_path, "lists more than " + std::to_string(kMaxFiles) + " files.");
  std::map<std::string, std::size_t> numbers;
  for (const auto& name : names) {
    TRY(file, SafetensorsFile::open(directory_ + "/" + name));
    numbers.emplace(name, files_.size());
    files_.push_back(std::move(file));
  }
  std::vector<std::string> absent;
  for (const auto& [tensor, file] : index)
    if (!files_[numbers.at(file)].tensors().contains(tensor)) absent.push_back(tensor);
  if (!absent.empty())
    return invalid(index_path, "names tensors that are not in the files it gives: " + listed(absent) + ".");
  return {};
}

Result<void> Checkpoint::choose_tensors() {
  std::map<std::string, std::size_t> holder;
  for (std::size_t file = 0; file < files_.size(); ++file)
    for (const auto& [name, tensor] : files_[file].tensors())
      if (!holder.emplace(name, file).second)
        return invalid(files_[file].path(),
                       "holds the tensor " + shown(name) + ", which " + files_[holder[name]].path() + " holds too.");

  auto expected = expected_layer_tensors(config_);
  const bool has_head = holder.contains(kHeadName);
  // A tied checkpoint may hold either of the two names, or both.
  embedding_name_ = config_.tied_head && has_head && !holder.contains(kEmbeddingName) ? kHeadName : kEmbeddingName;
  head_name_ = !config_.tied_head || has_head ? kHeadName : kEmbeddingName;
  expected.push_back({embedding_name_, config_.vocab_size, config_.hidden_size});
  if (head_name_ != embedding_name_) expected.push_back({head_name_, config_.vocab_size, config_.hidden_size});

  std::vector<std::string> missing;
  for (const auto& wanted : expected) {
    const auto at = holder.find(wanted.name);
    if (at == holder.end()) {
      missing.push_back(wanted.name);
      continue;
    }
    const auto& file = files_[at->second];
    const auto& stored = file.tensors().find(wanted.name)->second;
    const auto where = file.path() + ": tensor " + shown(wanted.name);
    const auto dtype = dtype_from(stored.dtype);
    if (!dtype)
      return Error{ErrorCode::kUnsupported,
                   where + ": its format is " + stored.dtype + "; Troupe reads BF16, F16 and F32."};
    if (stored.shape != wanted.shape())
      return invalid(where,
                     "has shape " + written(stored.shape) + "; config.json calls for " + written(wanted.shape()) + ".");
    tensors_.emplace(wanted.name, Tensor{wanted.name, *dtype, stored.shape, stored.bytes, at->second});
    holder.erase(at);
  }
  const auto count = [](const std::vector<std::string>& names) {
    return std::to_string(names.size()) + (names.size() == 1 ? " tensor" : " tensors");
  };
  if (!missing.empty())
    return invalid(directory_, count(missing) + " that config.json calls for " + (missing.size() == 1 ? "is" : "are") +
                                   " missing: " + listed(missing) + ".");
  std::vector<std::string> extra;
  for (const auto& [name, file] : holder)
    if (!may_be_ignored(name)) extra.push_back(name);
  if (!extra.empty())
    return Error{ErrorCode::kUnsupported, directory_ + ": holds " + count(extra) + " that a " +
                                              to_string(config_.architecture) +
                                              " with this config.json does not read: " + listed(extra) + "."};

  // Equal copies of a tied pair are one tensor; where they differ the checkpoint means two, as transformers has it.
  if (config_.tied_head && head_name_ != embedding_name_) {
    const auto& a = embedding();
    const auto& b = head();
    TRY_VOID(check_unchanged(a));
    TRY_VOID(check_unchanged(b));
    if (a.dtype == b.dtype && std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0) {
      tensors_.erase(head_name_);
      head_name_ = embedding_name_;
    }
  }
  return {};
}

const std::vector<TokenId>& Checkpoint::eos_tokens() const {
  return generation_.eos_tokens.empty() ? config_.eos_tokens : generation_.eos_tokens;
}

const Tensor& Checkpoint::tensor(const std::string& name) const {
  const auto at = tensors_.find(name);
  CHECK(at != tensors_.end(), name);
  return at->second;
}

const Tensor& Checkpoint::embedding() const { return tensor(embedding_name_); }
const Tensor& Checkpoint::head() const { return tensor(head_name_); }

std::size_t Checkpoint::tensor_bytes() const {
  std::size_t sum = 0;
  for (const auto& [name, tensor] : tensors_) sum += tensor.bytes.size();
  return sum;
}

std::int64_t Checkpoint::parameters() const {
  std::int64_t sum = 0;
  for (const auto& [name, tensor] : tensors_)
    sum += static_cast<std::int64_t>(tensor.bytes.size() / kernels::bytes_of(tensor.dtype));
  return sum;
}

Result<void> Checkpoint::check_unchanged(const Tensor& tensor) const {
  if (files_[tensor.file].unchanged()) return {};
  return invalid(files_[tensor.file].path(), "changed its size while it was read. Start again once it is complete.");
}

}  // namespace troupe::model
