#include "runtime/openai/json_text.hpp"

#include <vector>

#include "runtime/base/utf8.hpp"

namespace troupe::openai {
namespace {

using Json = nlohmann::json;

/// Builds the value while it is read, and stops at the first broken rule.
class Builder {
 public:
  explicit Builder(JsonBounds bounds) : bounds_(bounds) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(Json::number_integer_t value) { return add(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return refuse("The body holds binary data; expected JSON text."); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    if (open_.back()->contains(name))
      return refuse("The key \"" + name.substr(0, 64) + "\" stands twice in one object of the body; remove one.");
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) {
    return refuse("The body is not valid JSON in UTF-8: unexpected input at byte " + std::to_string(position) + ".");
  }

  Outcome<Json> take() {
    if (!problem_.empty()) return ApiError{400, replace_invalid_utf8(problem_), {}, "invalid_json", {}};
    return std::move(root_);
  }

 private:
  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    auto& parent = *open_.back();
    if (parent.is_object()) return &(parent[std::move(key_)] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }
  bool count() {
    return ++values_ <= bounds_.values ||
           refuse("The body holds more than " + std::to_string(bounds_.values) + " JSON values.");
  }
  bool add(Json value) {
    if (!count()) return false;
    place(std::move(value));
    return true;
  }
  bool open(Json container) {
    if (open_.size() >= bounds_.depth)
      return refuse("The body nests arrays and objects more than " + std::to_string(bounds_.depth) + " deep.");
    if (!count()) return false;
    // A parent's vector may move its elements, but never while one of them is still open.
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool refuse(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }

  JsonBounds bounds_;
  Json root_;
  std::vector<Json*> open_;
  std::string key_;
  std::size_t values_ = 0;
  std::string problem_;
};

}  // namespace

Outcome<Json> parse_json_object(std::string_view text, JsonBounds bounds) {
  Builder builder(bounds);
  Json::sax_parse(text.begin(), text.end(), &builder);
  auto parsed = builder.take();
  if (parsed.ok() && !parsed->is_object())
    return ApiError{400, "The body must be a JSON object; got " + shown(*parsed) + ".", {}, "invalid_json", {}};
  return parsed;
}

std::string shown(const Json& value) {
  constexpr std::size_t kMost = 40;
  if (value.is_array()) return "an array of " + std::to_string(value.size());
  if (value.is_object()) return "an object";
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > kMost) {
      std::string start(1, '"');
      start.append(text, 0, kMost);
      start.resize(start.size() - incomplete_utf8_suffix(start));
      return start.append("...\"");
    }
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace troupe::openai
