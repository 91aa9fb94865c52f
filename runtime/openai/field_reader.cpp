#include "runtime/openai/field_reader.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/openai/json_text.hpp"

namespace troupe::openai {
namespace {

std::string text_of(double value) {
  return nlohmann::json(value == std::floor(value) ? nlohmann::json(static_cast<std::int64_t>(value))
                                                   : nlohmann::json(value))
      .dump();
}

std::string ticked(const std::string& name) {
  std::string out(1, '`');
  out.append(name).push_back('`');
  return out;
}

/// Whether the value is an integer that int64 holds.
bool is_int64(const nlohmann::json& value) {
  return value.is_number_integer() &&
         (!value.is_number_unsigned() || value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX));
}

}  // namespace

const nlohmann::json* FieldReader::value(const std::string& name) {
  asked_.push_back(name);
  if (refusal_) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void FieldReader::refuse(ApiError error) {
  if (!refusal_) refusal_ = std::move(error);
}

void FieldReader::refuse_type(const std::string& name, const std::string& expected, const nlohmann::json& got) {
  refuse(invalid(path_of(name), ticked(path_of(name)) + " must be " + expected + "; got " + shown(got) + "."));
}

std::optional<bool> FieldReader::boolean(const std::string& name) {
  const auto* const field = value(name);
  if (field == nullptr) return std::nullopt;
  if (field->is_boolean()) return field->get<bool>();
  refuse_type(name, "true or false", *field);
  return std::nullopt;
}

std::optional<std::int64_t> FieldReader::integer(const std::string& name, IntegerRange range) {
  const auto* const field = value(name);
  if (field == nullptr) return std::nullopt;
  if (is_int64(*field)) {
    const auto number = field->get<std::int64_t>();
    if (number >= range.low && number <= range.high) return number;
  }
  refuse_type(name, "an integer from " + std::to_string(range.low) + " to " + std::to_string(range.high), *field);
  return std::nullopt;
}

std::optional<double> FieldReader::number(const std::string& name, NumberRange range) {
  const auto* const field = value(name);
  if (field == nullptr) return std::nullopt;
  if (field->is_number()) {
    const auto number = field->get<double>();
    if ((range.above_low ? number > range.low : number >= range.low) && number <= range.high) return number;
  }
  refuse_type(name,
              range.above_low ? "a number above " + text_of(range.low) + " and at most " + text_of(range.high)
                              : "a number from " + text_of(range.low) + " to " + text_of(range.high),
              *field);
  return std::nullopt;
}

std::optional<std::string> FieldReader::string(const std::string& name) {
  const auto* const field = value(name);
  if (field == nullptr) return std::nullopt;
  if (field->is_string()) return field->get<std::string>();
  refuse_type(name, "a string", *field);
  return std::nullopt;
}

std::optional<std::vector<TokenId>> FieldReader::token_ids(const std::string& name, std::size_t most,
                                                           std::int32_t vocab_size) {
  const auto* const field = value(name);
  if (field == nullptr) return std::nullopt;
  if (!field->is_array() || field->size() > most) {
    refuse_type(name, "an array of at most " + std::to_string(most) + " token ids", *field);
    return std::nullopt;
  }
  std::vector<TokenId> ids;
  ids.reserve(field->size());
  for (const auto& id : *field) {
    if (!is_int64(id) || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() >= vocab_size) {
      refuse_type(name + "[" + std::to_string(ids.size()) + "]",
                  "a token id from 0 to " + std::to_string(vocab_size - 1), id);
      return std::nullopt;
    }
    ids.push_back(static_cast<TokenId>(id.get<std::int64_t>()));
  }
  return ids;
}

void FieldReader::ignore(std::initializer_list<const char*> names) {
  asked_.insert(asked_.end(), names.begin(), names.end());
}

void FieldReader::unsupported_unless(const std::string& name, const nlohmann::json& neutral) {
  const auto* const field = value(name);
  if (field == nullptr || *field == neutral || (field->is_array() && field->empty())) return;
  refuse(unsupported(path_of(name), ticked(path_of(name)) + " is not supported by this server" +
                                        (neutral.is_null() ? "; leave it out."
                                                           : " other than as " + neutral.dump() + "; leave it out.")));
}

void FieldReader::refuse_unread() {
  if (refusal_) return;
  std::sort(asked_.begin(), asked_.end());
  for (const auto& [name, field] : object_.items()) {
    if (field.is_null() || std::binary_search(asked_.begin(), asked_.end(), name)) continue;
    const auto known = path_of(name.substr(0, 64));
    refuse(unsupported(known, ticked(known) + " is not a parameter that this server supports" +
                                  did_you_mean(name.substr(0, 64), asked_) + "."));
    return;
  }
}

}  // namespace troupe::openai
