#include "runtime/openai/generation_fields.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/openai/json_text.hpp"

namespace troupe::openai {
namespace {

constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();
/// Below this vLLM samples greedily, too: dividing logits by it leaves one token standing.
constexpr double kGreedyTemperature = 1e-5;

void read_number(FieldReader& fields, const char* name, NumberRange range, float& into) {
  if (const auto number = fields.number(name, range)) into = static_cast<float>(*number);
}

void read_flag(FieldReader& fields, const char* name, bool& into) {
  if (const auto flag = fields.boolean(name)) into = *flag;
}

void read_logit_bias(FieldReader& fields, const ServedModel& model, const ApiLimits& limits,
                     kernels::SamplingParams& params) {
  const auto* const field = fields.value("logit_bias");
  if (field == nullptr) return;
  if (!field->is_object() || field->size() > limits.logit_bias)
    return fields.refuse(invalid("logit_bias", "`logit_bias` must be an object of at most " +
                                                   std::to_string(limits.logit_bias) +
                                                   " token ids with their bias; got " + shown(*field) + "."));
  for (const auto& [key, bias] : field->items()) {
    std::int32_t token = -1;
    const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (problem != std::errc{} || end != key.data() + key.size() || token < 0 || token >= model.vocab_size)
      return fields.refuse(invalid("logit_bias", "The keys of `logit_bias` must be token ids from 0 to " +
                                                     std::to_string(model.vocab_size - 1) + "; got \"" +
                                                     key.substr(0, 40) + "\"."));
    if (!bias.is_number() || !(bias.get<double>() >= -100 && bias.get<double>() <= 100))
      return fields.refuse(invalid(
          "logit_bias",
          "The bias of token " + key + " in `logit_bias` must be a number from -100 to 100; got " + shown(bias) + "."));
    params.logit_bias.emplace_back(token, bias.get<float>());
  }
  // "7" and "07" name one token.
  std::sort(params.logit_bias.begin(), params.logit_bias.end());
  const auto twice = std::adjacent_find(params.logit_bias.begin(), params.logit_bias.end(),
                                        [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != params.logit_bias.end())
    fields.refuse(invalid("logit_bias", "`logit_bias` names token " + std::to_string(twice->first) + " twice."));
}

void read_stop(FieldReader& fields, const ApiLimits& limits, Generation& generation) {
  const auto* const field = fields.value("stop");
  if (field == nullptr) return;
  const auto refuse = [&](const std::string& got) {
    fields.refuse(invalid("stop", "`stop` must be a string of 1 to " + std::to_string(limits.stop_bytes) +
                                      " bytes, or an array of at most " + std::to_string(limits.stop_strings) +
                                      " of them; got " + got + "."));
  };
  const auto take = [&](const nlohmann::json& item) {
    if (!item.is_string()) return refuse(shown(item));
    const auto& text = item.get_ref<const std::string&>();
    if (text.empty() || text.size() > limits.stop_bytes)
      return refuse("one of " + std::to_string(text.size()) + " bytes");
    generation.stop.push_back(text);
  };
  if (!field->is_array()) return take(*field);
  if (field->size() > limits.stop_strings) return refuse(shown(*field));
  for (const auto& item : *field) take(item);
}

void read_stream_options(FieldReader& fields, Generation& generation) {
  read_flag(fields, "stream", generation.stream);
  const auto* const field = fields.value("stream_options");
  if (field == nullptr) return;
  if (!field->is_object())
    return fields.refuse(invalid("stream_options", "`stream_options` must be an object; got " + shown(*field) + "."));
  if (!generation.stream)
    return fields.refuse(invalid("stream_options", "`stream_options` may only be given with `stream`: true."));
  FieldReader options(*field, "stream_options.");
  read_flag(options, "include_usage", generation.include_usage);
  read_flag(options, "continuous_usage_stats", generation.continuous_usage);
  options.ignore({"include_obfuscation"});
  options.refuse_unread();
  if (options.refusal()) fields.refuse(*options.refusal());
}

void read_sampling(FieldReader& fields, const ServedModel& model, const ApiLimits& limits,
                   kernels::SamplingParams& params) {
  if (const auto temperature = fields.number("temperature", {0, 2}))
    params.temperature = *temperature < kGreedyTemperature ? 0.0f : static_cast<float>(*temperature);
  // vLLM's -1 means all, as 0 does.
  if (const auto top_k = fields.integer("top_k", {-1, kInt32Max}))
    params.top_k = std::max(0, static_cast<std::int32_t>(*top_k));
  read_number(fields, "top_p", {0, 1, true}, params.top_p);
  read_number(fields, "min_p", {0, 1}, params.min_p);
  read_number(fields, "presence_penalty", {-2, 2}, params.presence_penalty);
  read_number(fields, "frequency_penalty", {-2, 2}, params.frequency_penalty);
  read_number(fields, "repetition_penalty", {0, 100, true}, params.repetition_penalty);
  read_logit_bias(fields, model, limits, params);
}

}  // namespace

std::optional<std::int32_t> Generation::prompt_alternatives() const {
  if (!echo || !logprobs) return prompt_logprobs;
  return std::max(*logprobs, prompt_logprobs.value_or(0));
}

std::string read_model_name(FieldReader& fields, const ServedModel& model) {
  const auto name = fields.string("model");
  if (!name) return model.names.front();
  if (std::find(model.names.begin(), model.names.end(), *name) == model.names.end()) {
    const auto asked = name->substr(0, 128);
    fields.refuse({404,
                   "The model \"" + asked + "\" is not served here" + did_you_mean(asked, model.names) +
                       "; this server has \"" + model.names.front() + "\".",
                   "model",
                   "model_not_found",
                   {}});
  }
  return *name;
}

Generation read_generation(FieldReader& fields, const ServedModel& model, const ApiLimits& limits) {
  Generation generation;
  generation.params = model.default_sampling;
  read_stream_options(fields, generation);
  if (const auto n = fields.integer("n", {1, limits.n})) generation.n = static_cast<std::int32_t>(*n);
  read_sampling(fields, model, limits, generation.params);
  if (const auto seed = fields.integer("seed", {INT64_MIN, INT64_MAX}))
    generation.seed = static_cast<std::uint64_t>(*seed);
  if (const auto least = fields.integer("min_tokens", {0, kInt32Max}))
    generation.min_tokens = static_cast<std::int32_t>(*least);
  read_stop(fields, limits, generation);
  if (auto ids = fields.token_ids("stop_token_ids", limits.stop_token_ids, model.vocab_size))
    generation.stop_token_ids = std::move(*ids);
  read_flag(fields, "ignore_eos", generation.ignore_eos);
  read_flag(fields, "include_stop_str_in_output", generation.include_stop);
  read_flag(fields, "skip_special_tokens", generation.skip_special_tokens);
  read_flag(fields, "return_token_ids", generation.return_token_ids);
  read_flag(fields, "return_tokens_as_token_ids", generation.tokens_as_ids);
  if (const auto count = fields.integer("prompt_logprobs", {0, limits.logprobs}))
    generation.prompt_logprobs = static_cast<std::int32_t>(*count);
  return generation;
}

void read_ignored_and_unsupported(FieldReader& fields) {
  fields.ignore({"user", "metadata", "store", "service_tier", "parallel_tool_calls", "prompt_cache_key",
                 "prompt_cache_retention", "safety_identifier", "prediction", "request_id", "cache_salt",
                 "include_reasoning", "spaces_between_special_tokens"});
  fields.unsupported_unless("use_beam_search", false);
  fields.unsupported_unless("length_penalty", 1);
  fields.unsupported_unless("early_stopping", false);
  fields.unsupported_unless("priority", 0);
  fields.unsupported_unless("detokenize", true);
  for (const char* const name :
       {"bad_words", "allowed_token_ids", "truncate_prompt_tokens", "logits_processors", "guided_json", "guided_regex",
        "guided_choice", "guided_grammar", "structured_outputs", "kv_transfer_params", "vllm_xargs", "prompt_embeds"})
    fields.unsupported_unless(name, nullptr);
  const auto* const format = fields.value("response_format");
  if (format != nullptr && *format != nlohmann::json{{"type", "text"}})
    fields.refuse(unsupported("response_format",
                              "`response_format` is not supported by this server other than as {\"type\":\"text\"}."));
}

void check_generation(FieldReader& fields, const Generation& generation, const ApiLimits& limits, std::size_t prompts) {
  if (prompts * static_cast<std::size_t>(generation.n) > static_cast<std::size_t>(limits.choices))
    fields.refuse(invalid("n", "A call may ask for at most " + std::to_string(limits.choices) +
                                   " completions; this one asks for " + std::to_string(prompts) +
                                   " prompts times `n` = " + std::to_string(generation.n) + "."));
  if (generation.max_tokens && generation.min_tokens > *generation.max_tokens)
    fields.refuse(invalid("min_tokens", "`min_tokens` (" + std::to_string(generation.min_tokens) +
                                            ") must not be more than `max_tokens` (" +
                                            std::to_string(*generation.max_tokens) + ")."));
  if (generation.stream && generation.prompt_logprobs)
    fields.refuse(invalid("prompt_logprobs", "`prompt_logprobs` cannot be had with `stream`: true."));
}

}  // namespace troupe::openai
