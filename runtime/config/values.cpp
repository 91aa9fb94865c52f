#include "runtime/config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <type_traits>
#include <utility>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/config/problems.hpp"

namespace troupe::config {
namespace {

struct Scale {
  std::string_view unit;
  std::uint64_t factor;
};

constexpr std::array<Scale, 9> kByteScales = {{{"TiB", std::uint64_t{1} << 40},
                                               {"GiB", std::uint64_t{1} << 30},
                                               {"MiB", std::uint64_t{1} << 20},
                                               {"KiB", std::uint64_t{1} << 10},
                                               {"TB", 1'000'000'000'000},
                                               {"GB", 1'000'000'000},
                                               {"MB", 1'000'000},
                                               {"kB", 1'000},
                                               {"B", 1}}};
constexpr std::array<Scale, 4> kTimeScales = {{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Digits only, without leading zeros (YAML 1.1 reads those as octal). Nothing where it does not fit.
std::optional<std::uint64_t> whole_number(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit) || (text.size() > 1 && text[0] == '0'))
    return {};
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return {};
  return value;
}

template <std::size_t kSize>
std::optional<std::uint64_t> scaled(std::string_view text, const std::array<Scale, kSize>& scales) {
  const auto unit_at = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const std::optional<std::uint64_t> count = whole_number(text.substr(0, unit_at));
  std::string_view unit = text.substr(unit_at);
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const Scale& scale : scales) {
    if (unit != scale.unit || !count) continue;
    if (*count > std::numeric_limits<std::uint64_t>::max() / scale.factor) return {};
    return *count * scale.factor;
  }
  return {};
}

std::optional<bool> truth(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return {};
}

/// Splits at commas and trims blanks; an empty text is an empty list.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  if (text.empty()) return words;
  for (;;) {
    const std::size_t comma = text.find(',');
    std::string_view word = text.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    words.emplace_back(word);
    if (comma == std::string_view::npos) return words;
    text.remove_prefix(comma + 1);
  }
}

bool acceptable_text(std::string_view text) {
  return is_valid_utf8(text) && std::none_of(text.begin(), text.end(),
                                             [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
  });
}

/// The number that `text` stands for, whatever the key's unit; nothing where it is no such number.
std::optional<std::uint64_t> number_in(const Key& key, std::string_view text, bool duration) {
  if (duration) return text == "0" ? 0 : scaled(text, kTimeScales);
  if (key.unit == Unit::kBytes) {
    const auto plain = whole_number(text);
    return plain ? plain : scaled(text, kByteScales);
  }
  return whole_number(text);
}

std::string wrong_number(std::string_view text, bool duration) {
  if (duration && whole_number(text)) {
    return in_quotes(text) + " has no unit (did you mean \"" + std::string(text) + "s\"?)";
  }
  if (duration) return in_quotes(text) + " is not a duration";
  return in_quotes(text) + " is not what belongs here";
}

std::string show_number(const Key& key, std::uint64_t value, bool duration) {
  if (key.zero_is_auto && value == 0) return "auto";
  if (duration) return show_duration(std::chrono::milliseconds(static_cast<std::int64_t>(value)));
  return key.unit == Unit::kBytes ? show_bytes(value) : std::to_string(value);
}

enum class Kind { kText, kList, kTruth, kNumber, kDuration, kChoice, kApiKeys };

Kind kind_of(const Key& key) {
  static Draft blank;
  struct {
    Kind operator()(std::string*) const { return Kind::kText; }
    Kind operator()(std::vector<std::string>*) const { return Kind::kList; }
    Kind operator()(bool*) const { return Kind::kTruth; }
    Kind operator()(std::uint16_t*) const { return Kind::kNumber; }
    Kind operator()(std::uint32_t*) const { return Kind::kNumber; }
    Kind operator()(std::uint64_t*) const { return Kind::kNumber; }
    Kind operator()(std::chrono::milliseconds*) const { return Kind::kDuration; }
    Kind operator()(const ChoiceSlot&) const { return Kind::kChoice; }
    Kind operator()(std::vector<ApiKeyEntry>*) const { return Kind::kApiKeys; }
  } visitor;
  return std::visit(visitor, key.slot(blank));
}

struct Setter {
  const Key& key;
  std::string_view text;

  Refused refuse(std::string message) const { return {std::move(message), expectation(key)}; }

  std::optional<Refused> operator()(std::string* slot) const {
    const bool path = key.or_path && text.find('/') != std::string_view::npos;
    if (!path && !key.choices.empty() && std::find(key.choices.begin(), key.choices.end(), text) == key.choices.end()) {
      return refuse("unknown " + key.path + ' ' + in_quotes(text) + did_you_mean(text, key.choices));
    }
    if (key.is_name && !is_name(text)) return refuse(in_quotes(text) + " is not a name");
    if (!acceptable_text(text)) return refuse(in_quotes(text) + " has bytes that do not belong in a text");
    if (text.size() > key.most) return refuse("a text of " + std::to_string(text.size()) + " bytes");
    *slot = std::string(text);
    return {};
  }
  std::optional<Refused> operator()(std::vector<std::string>* slot) const {
    std::vector<std::string> words = split(text);
    if (words.size() > key.most) return refuse("a list of " + std::to_string(words.size()) + " words");
    for (const std::string& word : words) {
      if (word.empty()) return refuse("an empty word in the list");
      if (!acceptable_text(word) || word.size() > 256) return refuse(in_quotes(word) + " cannot be in this list");
    }
    *slot = std::move(words);
    return {};
  }
  std::optional<Refused> operator()(bool* slot) const {
    const std::optional<bool> value = truth(text);
    if (!value) {
      static const std::vector<std::string> kYes = {"yes", "Yes", "YES", "on", "On", "ON", "True", "TRUE", "1"};
      static const std::vector<std::string> kNo = {"no", "No", "NO", "off", "Off", "OFF", "False", "FALSE", "0"};
      std::string message = in_quotes(text) + " is neither true nor false";
      if (std::find(kYes.begin(), kYes.end(), text) != kYes.end()) message += " (did you mean \"true\"?)";
      if (std::find(kNo.begin(), kNo.end(), text) != kNo.end()) message += " (did you mean \"false\"?)";
      return refuse(std::move(message));
    }
    *slot = *value;
    return {};
  }
  template <class Number>
  std::optional<Refused> set_number(Number& slot, bool duration) const {
    if (key.zero_is_auto && text == "auto") {
      slot = Number{};
      return {};
    }
    const std::optional<std::uint64_t> value = number_in(key, text, duration);
    if (!value) return refuse(wrong_number(text, duration));
    if (*value < key.least) return refuse(key.path + " is too small");
    if (*value > key.most) return refuse(key.path + " is too large");
    if constexpr (std::is_same_v<Number, std::chrono::milliseconds>) {
      slot = Number(static_cast<std::int64_t>(*value));
    } else {
      slot = static_cast<Number>(*value);
    }
    return {};
  }
  std::optional<Refused> operator()(std::uint16_t* slot) const { return set_number(*slot, false); }
  std::optional<Refused> operator()(std::uint32_t* slot) const { return set_number(*slot, false); }
  std::optional<Refused> operator()(std::uint64_t* slot) const { return set_number(*slot, false); }
  std::optional<Refused> operator()(std::chrono::milliseconds* slot) const { return set_number(*slot, true); }
  std::optional<Refused> operator()(const ChoiceSlot& slot) const {
    const auto found = std::find(key.choices.begin(), key.choices.end(), text);
    if (found == key.choices.end()) {
      return refuse("unknown " + key.path + ' ' + in_quotes(text) + did_you_mean(text, key.choices));
    }
    slot.set(static_cast<std::size_t>(found - key.choices.begin()));
    return {};
  }
  std::optional<Refused> operator()(std::vector<ApiKeyEntry>*) const {
    return refuse(key.path + " can only be written in a file");
  }
};

struct Shower {
  const Key& key;

  std::string operator()(const std::string* slot) const { return slot->empty() ? "\"\"" : *slot; }
  std::string operator()(const std::vector<std::string>* slot) const {
    std::string out = "[";
    for (const std::string& word : *slot) out.append(out.size() > 1 ? ", " : "").append(word);
    return out.append("]");
  }
  std::string operator()(const bool* slot) const { return *slot ? "true" : "false"; }
  std::string operator()(const std::uint16_t* slot) const { return show_number(key, *slot, false); }
  std::string operator()(const std::uint32_t* slot) const { return show_number(key, *slot, false); }
  std::string operator()(const std::uint64_t* slot) const { return show_number(key, *slot, false); }
  std::string operator()(const std::chrono::milliseconds* slot) const {
    return show_number(key, static_cast<std::uint64_t>(slot->count()), true);
  }
  std::string operator()(const ChoiceSlot& slot) const { return key.choices.at(slot.get()); }
  std::string operator()(const std::vector<ApiKeyEntry>* slot) const {
    std::string out = "[";
    for (const ApiKeyEntry& entry : *slot) out.append(out.size() > 1 ? ", " : "").append(entry.name);
    return out.append("]");
  }
};

}  // namespace

std::optional<Refused> set_value(const Key& key, Draft& draft, std::string_view text) {
  return std::visit(Setter{key, text}, key.slot(draft));
}

std::string show_value(const Key& key, const Draft& draft) {
  // A slot is a way to write; showing only reads.
  return std::visit(Shower{key}, key.slot(const_cast<Draft&>(draft)));
}

std::string expectation(const Key& key) {
  const std::string or_auto = key.zero_is_auto ? ", or auto" : "";
  switch (kind_of(key)) {
    case Kind::kText:
      if (key.or_path) return one_of(key.choices) + ", or the path of a library, as ./libmine.so";
      if (!key.choices.empty()) return one_of(key.choices);
      if (key.is_name) return "1 to 64 of a-z, 0-9 and -";
      return "a text of at most " + std::to_string(key.most) + " bytes";
    case Kind::kChoice:
      return one_of(key.choices);
    case Kind::kList:
      return "a list of at most " + std::to_string(key.most) + " words";
    case Kind::kTruth:
      return "true or false";
    case Kind::kApiKeys:
      return "a list of {name, sha256, scopes}";
    case Kind::kDuration:
      return "a duration from " + show_number(key, key.least, true) + " to " + show_number(key, key.most, true) +
             ", as 500ms, 30s, 10m or 1h";
    case Kind::kNumber:
      if (key.unit == Unit::kBytes) {
        return "a size from " + show_bytes(key.least) + " to " + show_bytes(key.most) + ", as 512MiB or 2GiB" + or_auto;
      }
      return "a whole number from " + std::to_string(key.least) + " to " + std::to_string(key.most) + or_auto;
  }
  return {};
}

bool is_list(const Key& key) { return kind_of(key) == Kind::kList; }

bool must_be_plain(const Key& key) {
  const Kind kind = kind_of(key);
  return kind == Kind::kTruth || kind == Kind::kNumber || kind == Kind::kDuration;
}

std::string show_bytes(std::uint64_t bytes) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (bytes > 0 && bytes % kByteScales[i].factor == 0) {
      return std::to_string(bytes / kByteScales[i].factor) + std::string(kByteScales[i].unit);
    }
  }
  return std::to_string(bytes) + "B";
}

std::string show_duration(std::chrono::milliseconds duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  if (count == 0) return "0s";
  for (const Scale& scale : kTimeScales) {
    if (count % scale.factor == 0) return std::to_string(count / scale.factor) + std::string(scale.unit);
  }
  return std::to_string(count) + "ms";
}

}  // namespace troupe::config
