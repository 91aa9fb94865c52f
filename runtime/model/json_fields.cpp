#include "runtime/model/json_fields.hpp"

#include <cmath>
#include <set>

#include "runtime/base/file.hpp"
#include "runtime/base/utf8.hpp"

namespace troupe::model {
namespace {

constexpr int kMaxDepth = 64;

std::string plain(double value) {
  auto text = nlohmann::json(value).dump();
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

}  // namespace

std::string shown(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  auto text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return replace_invalid_utf8(text);
}

Result<nlohmann::json> parse_json(std::string_view text, const std::string& where) {
  if (!is_valid_utf8(text)) return Error{ErrorCode::kInvalidInput, where + ": is not valid UTF-8."};
  std::optional<std::string> refusal;
  std::vector<std::set<std::string>> seen;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kMaxDepth && !refusal) refusal = "is nested more than " + std::to_string(kMaxDepth) + " deep.";
    if (refusal) return false;
    if (event == Event::object_start) seen.emplace_back();
    if (event == Event::object_end) seen.pop_back();
    if (event == Event::key && !seen.back().insert(parsed.get_ref<const std::string&>()).second) {
      refusal = "holds the key " + shown(parsed) + " twice in one object.";
      return false;
    }
    return true;
  };
  try {
    auto value = nlohmann::json::parse(text, watch);
    if (refusal) return Error{ErrorCode::kInvalidInput, where + ": " + *refusal};
    return value;
  } catch (const nlohmann::json::exception& error) {
    if (refusal) return Error{ErrorCode::kInvalidInput, where + ": " + *refusal};
    return Error{ErrorCode::kInvalidInput, where + ": is not valid JSON: " + replace_invalid_utf8(error.what())};
  }
}

Result<nlohmann::json> read_json_object(const std::string& path, std::size_t limit_bytes) {
  TRY(text, read_file(path, limit_bytes));
  TRY(value, parse_json(text, path));
  if (!value.is_object())
    return Error{ErrorCode::kInvalidInput, path + ": expected a JSON object, found " + shown(value) + "."};
  return std::move(value);
}

const nlohmann::json* JsonFields::find(const char* key) const {
  const auto at = object_.find(key);
  return at == object_.end() || at->is_null() ? nullptr : &*at;
}

Error JsonFields::wrong(const char* key, const std::string& expected) const {
  const auto* value = find(key);
  return {ErrorCode::kInvalidInput,
          where_ + ": " + key + " is " + (value ? shown(*value) : "missing") + "; expected " + expected + "."};
}

Result<std::optional<std::int64_t>> JsonFields::integer(const char* key, Range<std::int64_t> range) const {
  const auto* value = find(key);
  if (!value) return std::optional<std::int64_t>();
  const auto expected = "an integer from " + std::to_string(range.least) + " to " + std::to_string(range.most);
  // An unsigned number past the signed range would wrap; a float such as 2048.0 is how some exporters write integers.
  if (value->is_number_float() ? std::trunc(value->get<double>()) != value->get<double>() : !value->is_number_integer())
    return wrong(key, expected);
  const double rough = value->get<double>();
  if (rough < static_cast<double>(range.least) || rough > static_cast<double>(range.most) || std::abs(rough) > 9e18)
    return wrong(key, expected);
  return std::optional(value->get<std::int64_t>());
}

Result<std::optional<double>> JsonFields::number(const char* key, Range<double> range) const {
  const auto* value = find(key);
  if (!value) return std::optional<double>();
  const double got = value->is_number() ? value->get<double>() : NAN;
  if (!(got >= range.least && got <= range.most))
    return wrong(key, "a number from " + plain(range.least) + " to " + plain(range.most));
  return std::optional(got);
}

Result<std::optional<bool>> JsonFields::boolean(const char* key) const {
  const auto* value = find(key);
  if (!value) return std::optional<bool>();
  if (!value->is_boolean()) return wrong(key, "true or false");
  return std::optional(value->get<bool>());
}

Result<std::optional<std::string>> JsonFields::text(const char* key) const {
  const auto* value = find(key);
  if (!value) return std::optional<std::string>();
  if (!value->is_string()) return wrong(key, "a string");
  return std::optional(value->get<std::string>());
}

Result<std::optional<std::vector<std::string>>> JsonFields::texts(const char* key, std::size_t limit) const {
  const auto* value = find(key);
  if (!value) return std::optional<std::vector<std::string>>();
  const auto expected = "a list of at most " + std::to_string(limit) + " strings";
  if (!value->is_array() || value->size() > limit) return wrong(key, expected);
  std::vector<std::string> out;
  for (const auto& item : *value) {
    if (!item.is_string()) return wrong(key, expected);
    out.push_back(item.get<std::string>());
  }
  return std::optional(std::move(out));
}

Result<std::optional<std::vector<std::int64_t>>> JsonFields::integers(const char* key) const {
  const auto* value = find(key);
  if (!value) return std::optional<std::vector<std::int64_t>>();
  const auto fits = [](const nlohmann::json& item) {
    return item.is_number_integer() && std::abs(item.get<double>()) <= 9e18;
  };
  std::vector<std::int64_t> out;
  if (fits(*value)) {
    out.push_back(value->get<std::int64_t>());
  } else {
    if (!value->is_array() || value->size() > 1024) return wrong(key, "an integer or a list of at most 1024");
    for (const auto& item : *value) {
      if (!fits(item)) return wrong(key, "an integer or a list of integers");
      out.push_back(item.get<std::int64_t>());
    }
  }
  return std::optional(std::move(out));
}

Result<std::int64_t> JsonFields::required_integer(const char* key, Range<std::int64_t> range) const {
  TRY(value, integer(key, range));
  if (!value) return wrong(key, "an integer from " + std::to_string(range.least) + " to " + std::to_string(range.most));
  return *value;
}

}  // namespace troupe::model
