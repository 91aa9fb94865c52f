// Checked reading of a component's fields, with messages that say where in the file they are.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::model::tok {

/// A JSON object and its place in the file ("tokenizer.json: pre_tokenizer.pretokenizers[1]"). A view: the JSON must
/// outlive it.
class Fields {
 public:
  /// kInvalidInput unless `json` is an object.
  static Result<Fields> of(const nlohmann::json& json, std::string where);

  const std::string& where() const { return where_; }
  std::string where(std::string_view field) const { return where_ + "." + std::string(field); }

  /// nullptr where the field is missing or null.
  const nlohmann::json* find(const char* field) const;
  Result<std::string> text(const char* field) const;
  Result<bool> flag(const char* field) const;
  Result<bool> flag_or(const char* field, bool otherwise) const;
  /// A whole number from 0 to `limit`.
  Result<std::int64_t> number(const char* field, std::int64_t limit) const;
  /// The elements of the array, each as an object; kTooLarge for over `limit`.
  Result<std::vector<Fields>> objects(const char* field, std::size_t limit) const;
  Result<Fields> object(const char* field) const;
  /// One of `words`, by its index. kUnsupported for another, which is named.
  Result<std::size_t> one_of(const char* field, std::span<const std::string> words) const;

  /// kInvalidInput at `field`: "... is <what it is>, expected <expected>".
  Error wrong(const char* field, const std::string& expected) const;
  /// kUnsupported at this place: "<kind> "<name>" is not supported; Troupe knows <known>".
  Error unsupported(const std::string& kind, const std::string& name, const std::string& known) const;

 private:
  Fields(const nlohmann::json& json, std::string where) : json_(&json), where_(std::move(where)) {}
  const nlohmann::json* json_;
  std::string where_;
};

}  // namespace troupe::model::tok
