// Typed access to the fields of one JSON object of a request.
// Owns: which fields were asked for and the first thing that was wrong. Promises: no value is read as a type that it is
// not; null means absent; after the first refusal every reading answers "absent", so that a caller checks once, at the
// end.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/openai/api_error.hpp"

namespace troupe::openai {

struct IntegerRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

struct NumberRange {
  double low = 0;
  double high = 0;
  bool above_low = false;  ///< `low` itself is refused
};

class FieldReader {
 public:
  /// `object` must be an object and outlive the reader. `path` stands before the names in messages ("messages[2]."),
  /// empty at the top.
  FieldReader(const nlohmann::json& object, std::string path) : object_(object), path_(std::move(path)) {}

  std::optional<bool> boolean(const std::string& name);
  std::optional<std::int64_t> integer(const std::string& name, IntegerRange range);
  std::optional<double> number(const std::string& name, NumberRange range);
  std::optional<std::string> string(const std::string& name);
  /// An array of token ids in [0, vocab_size), at most `most`.
  std::optional<std::vector<TokenId>> token_ids(const std::string& name, std::size_t most, std::int32_t vocab_size);
  /// The value itself; nullptr where it is absent or null.
  const nlohmann::json* value(const std::string& name);

  /// A field that Troupe does not do anything with, whatever it says.
  void ignore(std::initializer_list<const char*> names);
  /// A field that is refused as unsupported unless it is null, an empty array, or `neutral`.
  void unsupported_unless(const std::string& name, const nlohmann::json& neutral);
  /// Refuses the first field that nobody asked for and that is not null, with a did-you-mean.
  void refuse_unread();

  void refuse(ApiError error);
  const std::optional<ApiError>& refusal() const { return refusal_; }
  std::string path_of(std::string_view name) const { return path_ + std::string(name); }

 private:
  void refuse_type(const std::string& name, const std::string& expected, const nlohmann::json& got);

  const nlohmann::json& object_;
  std::string path_;
  std::vector<std::string> asked_;
  std::optional<ApiError> refusal_;
};

}  // namespace troupe::openai
