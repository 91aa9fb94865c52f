#include "runtime/model/tokenizer/fields.hpp"

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/utf8.hpp"

namespace troupe::model::tok {
namespace {

std::string kind_of(const nlohmann::json* json) {
  return json ? std::string("a JSON ") + json->type_name() : "missing or null";
}

}  // namespace

Result<Fields> Fields::of(const nlohmann::json& json, std::string where) {
  if (!json.is_object())
    return Error{ErrorCode::kInvalidInput, where + " is " + kind_of(&json) + ", expected an object"};
  return Fields(json, std::move(where));
}

const nlohmann::json* Fields::find(const char* field) const {
  const auto found = json_->find(field);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

Error Fields::wrong(const char* field, const std::string& expected) const {
  return {ErrorCode::kInvalidInput, where(field) + " is " + kind_of(find(field)) + ", expected " + expected};
}

Error Fields::unsupported(const std::string& kind, const std::string& name, const std::string& known) const {
  return {ErrorCode::kUnsupported, where_ + ": the " + kind + " \"" + replace_invalid_utf8(name.substr(0, 80)) +
                                       "\" is not supported; Troupe knows " + known};
}

Result<std::string> Fields::text(const char* field) const {
  const auto* value = find(field);
  if (!value || !value->is_string()) return wrong(field, "a string");
  return value->get_ref<const std::string&>();
}

Result<bool> Fields::flag(const char* field) const {
  const auto* value = find(field);
  if (!value || !value->is_boolean()) return wrong(field, "true or false");
  return value->get<bool>();
}

Result<bool> Fields::flag_or(const char* field, bool otherwise) const {
  return find(field) ? flag(field) : Result<bool>(otherwise);
}

Result<std::int64_t> Fields::number(const char* field, std::int64_t limit) const {
  const auto* value = find(field);
  const std::string expected = "a whole number from 0 to " + std::to_string(limit);
  if (!value || !value->is_number_integer()) return wrong(field, expected);
  const bool fits = value->is_number_unsigned()
                        ? value->get<std::uint64_t>() <= static_cast<std::uint64_t>(limit)
                        : value->get<std::int64_t>() >= 0 && value->get<std::int64_t>() <= limit;
  if (!fits) return Error{ErrorCode::kInvalidInput, where(field) + " is " + value->dump() + ", expected " + expected};
  return value->get<std::int64_t>();
}

Result<std::vector<Fields>> Fields::objects(const char* field, std::size_t limit) const {
  const auto* value = find(field);
  if (!value || !value->is_array()) return wrong(field, "an array");
  if (value->size() > limit) {
    return Error{ErrorCode::kTooLarge, where(field) + " has " + std::to_string(value->size()) +
                                           " elements; the limit is " + std::to_string(limit)};
  }
  std::vector<Fields> all;
  all.reserve(value->size());
  for (std::size_t i = 0; i < value->size(); ++i) {
    TRY(element, of((*value)[i], where(field) + "[" + std::to_string(i) + "]"));
    all.push_back(std::move(element));
  }
  return all;
}

Result<Fields> Fields::object(const char* field) const {
  const auto* value = find(field);
  if (!value) return wrong(field, "an object");
  return of(*value, where(field));
}

Result<std::size_t> Fields::one_of(const char* field, std::span<const std::string> words) const {
  TRY(word, text(field));
  std::string known;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == word) return i;
    known += (i == 0 ? "" : ", ") + words[i];
  }
  Error error = unsupported(field, word, known);
  error.message += did_you_mean(word, words);
  return error;
}

}  // namespace troupe::model::tok
