#include "runtime/model/generation_config.hpp"

#include "runtime/model/json_fields.hpp"
#include "runtime/model/model_config.hpp"

namespace troupe::model {
namespace {

constexpr std::size_t kFileLimit = 4 << 20;

std::optional<float> as_float(const std::optional<double>& value) {
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

std::optional<std::int32_t> as_int(const std::optional<std::int64_t>& value) {
  return value ? std::optional(static_cast<std::int32_t>(*value)) : std::nullopt;
}

}  // namespace

Result<GenerationConfig> read_generation_config(const std::string& path, std::int64_t vocab_size) {
  auto file = read_json_object(path, kFileLimit);
  if (!file.ok()) {
    if (file.error().code == ErrorCode::kMissingInput) return GenerationConfig{};
    return file.error();
  }
  const JsonFields fields(*file, path);
  GenerationConfig out;
  TRY(eos, parse_eos_tokens(fields, vocab_size));
  TRY(do_sample, fields.boolean("do_sample"));
  TRY(temperature, fields.number("temperature", {0, 1000}));
  TRY(top_k, fields.integer("top_k", {-1, 1 << 24}));
  TRY(top_p, fields.number("top_p", {1e-9, 1}));
  TRY(min_p, fields.number("min_p", {0, 1}));
  TRY(repetition_penalty, fields.number("repetition_penalty", {1e-3, 1000}));
  TRY(max_new_tokens, fields.integer("max_new_tokens", {1, 1 << 24}));
  out.eos_tokens = std::move(eos);
  out.do_sample = do_sample;
  out.temperature = as_float(temperature);
  // Both -1 and 0 are written for "all".
  if (top_k) out.top_k = *top_k < 0 ? 0 : static_cast<std::int32_t>(*top_k);
  out.top_p = as_float(top_p);
  out.min_p = as_float(min_p);
  out.repetition_penalty = as_float(repetition_penalty);
  out.max_new_tokens = as_int(max_new_tokens);
  return out;
}

}  // namespace troupe::model
