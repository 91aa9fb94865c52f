// The context's way in: JSON becomes values, and here it is decided what the user wrote.
#include <algorithm>
#include <array>

#include "runtime/base/utf8.hpp"
#include "runtime/model/chat_template/value.hpp"

namespace troupe::model::jinja {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 8> kSpecialTokens = {
    "bos_token", "eos_token", "unk_token",  "sep_token",
    "pad_token", "cls_token", "mask_token", "additional_special_tokens"};
// Templates build special tokens out of these: '<|' + message.role + '|>'.
constexpr std::array<std::string_view, 6> kKnownRoles = {"system", "user",      "assistant",
                                                         "tool",   "developer", "function"};

/// Where in the context a value stands, as far as trust depends on it.
enum class Place { kData, kSpecialToken, kMessages, kMessage, kRole };

class Reader {
 public:
  explicit Reader(Budget& budget) : budget_(budget) {}

  Result<Value> value(const Json& json, Place place, int depth) {
    const bool trusted = place == Place::kSpecialToken;
    switch (json.type()) {
      case Json::value_t::null:
        return none();
      case Json::value_t::boolean:
        return boolean(json.get<bool>(), trusted);
      case Json::value_t::number_integer:
        return integer(json.get<std::int64_t>(), trusted);
      case Json::value_t::number_unsigned: {
        const auto number = json.get<std::uint64_t>();
        if (number <= INT64_MAX) return integer(static_cast<std::int64_t>(number), trusted);
        return Value{Value::Content(number), trusted};
      }
      case Json::value_t::number_float:
        return floating(json.get<double>(), trusted);
      case Json::value_t::string:
        return text(json.get_ref<const std::string&>(), place);
      case Json::value_t::array:
        return array(json, place, depth);
      case Json::value_t::object: {
        TRY(dict, object(json, place, depth));
        return Value{Value::Content(std::make_shared<const Dict>(std::move(dict)))};
      }
      default:
        return Error{ErrorCode::kInvalidInput, "the template's context holds binary data; expected JSON values"};
    }
  }

  Result<Dict> object(const Json& json, Place place, int depth) {
    TRY_VOID(budget_.nesting(depth));
    TRY_VOID(budget_.steps(json.size() / kElementsPerStep));
    Dict dict;
    for (const auto& [key, member] : json.items()) {
      TRY(name, text(key, Place::kData));
      TRY(read, value(member, place_of(place, key), depth + 1));
      TRY_VOID(dict.set(budget_, name, read));
    }
    return dict;
  }

  /// The context itself: its keys decide what the values below them are.
  static Place place_of_variable(const std::string& key) {
    if (key == "messages") return Place::kMessages;
    const bool special = std::find(kSpecialTokens.begin(), kSpecialTokens.end(), key) != kSpecialTokens.end();
    return special ? Place::kSpecialToken : Place::kData;
  }

 private:
  // Copying plain data is cheap beside what a template does with it.
  static constexpr std::size_t kElementsPerStep = 16;

  static Place place_of(Place place, const std::string& key) {
    return place == Place::kMessage && key == "role" ? Place::kRole : Place::kData;
  }

  Result<Value> text(const std::string& bytes, Place place) {
    if (!is_valid_utf8(bytes)) {
      return Error{ErrorCode::kInvalidInput, "a text in the template's context is not valid UTF-8; send UTF-8"};
    }
    TRY_VOID(budget_.string(bytes.size()));
    const bool known_role =
        place == Place::kRole && std::find(kKnownRoles.begin(), kKnownRoles.end(), bytes) != kKnownRoles.end();
    return string(Text(bytes, place == Place::kSpecialToken || known_role));
  }

  Result<Value> array(const Json& json, Place place, int depth) {
    TRY_VOID(budget_.nesting(depth));
    TRY_VOID(budget_.steps(json.size() / kElementsPerStep));
    const Place below = place == Place::kMessages       ? Place::kMessage
                        : place == Place::kSpecialToken ? Place::kSpecialToken
                                                        : Place::kData;
    Sequence sequence;
    sequence.items.reserve(json.size());
    for (const Json& element : json) {
      TRY(item, value(element, below, depth + 1));
      sequence.depth = std::max(sequence.depth, 1 + depth_of(item));
      sequence.items.push_back(std::move(item));
    }
    return Value{Value::Content(std::make_shared<const Sequence>(std::move(sequence)))};
  }

  Budget& budget_;
};

}  // namespace

Result<Dict> context_from_json(Budget& budget, const nlohmann::ordered_json& context) {
  if (!context.is_object()) {
    return Error{ErrorCode::kInvalidInput,
                 std::string("the template's context is ") + context.type_name() + "; expected an object"};
  }
  Reader reader(budget);
  Dict variables;
  for (const auto& [key, member] : context.items()) {
    auto value = reader.value(member, Reader::place_of_variable(key), 1);
    if (!value.ok()) return value.error().within(key);
    TRY_VOID(variables.set(budget, literal(key), *std::move(value)));
  }
  return variables;
}

}  // namespace troupe::model::jinja
