// JSON that came from outside: read with a bound on bytes and depth, no key twice, and each field asked for by name,
// type and range.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::model {

/// Parses `text`, which `where` (a file name) names in errors. Refuses nesting past 64, duplicate keys and numbers out
/// of range.
Result<nlohmann::json> parse_json(std::string_view text, const std::string& where);

/// Reads and parses a file of at most `limit_bytes`; what it holds must be an object.
Result<nlohmann::json> read_json_object(const std::string& path, std::size_t limit_bytes);

/// Both ends allowed.
template <class Number>
struct Range {
  Number least;
  Number most;
};

/// The fields of one JSON object. A field that is absent or null is an empty optional; one of the wrong type or out of
/// range is an error that names it as `where.key`. The object must outlive this view.
class JsonFields {
 public:
  JsonFields(const nlohmann::json& object, std::string where) : object_(object), where_(std::move(where)) {}

  /// Whether the key is there, even as null.
  bool has(const char* key) const { return object_.contains(key); }
  /// The value, or nullptr where it is absent or null.
  const nlohmann::json* find(const char* key) const;

  Result<std::optional<std::int64_t>> integer(const char* key, Range<std::int64_t> range) const;
  Result<std::optional<double>> number(const char* key, Range<double> range) const;
  Result<std::optional<bool>> boolean(const char* key) const;
  Result<std::optional<std::string>> text(const char* key) const;
  /// A list of strings, at most `limit` of them.
  Result<std::optional<std::vector<std::string>>> texts(const char* key, std::size_t limit) const;
  /// One integer or a list of at most 1024, as eos_token_id is written.
  Result<std::optional<std::vector<std::int64_t>>> integers(const char* key) const;

  /// A required integer: absent is an error.
  Result<std::int64_t> required_integer(const char* key, Range<std::int64_t> range) const;

  const std::string& where() const { return where_; }
  /// kInvalidInput about one field.
  Error wrong(const char* key, const std::string& expected) const;

 private:
  const nlohmann::json& object_;
  std::string where_;
};

/// A JSON value as it may be shown in a message: at most 60 bytes, never invalid UTF-8.
std::string shown(const nlohmann::json& value);

}  // namespace troupe::model
