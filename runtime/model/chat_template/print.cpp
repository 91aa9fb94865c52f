#include "runtime/model/chat_template/print.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace troupe::model::jinja {

std::string float_repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  const std::string_view scientific(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = scientific.find('e');
  int exponent = 0;
  const std::size_t digits_at = e + (buffer[e + 1] == '+' ? 2 : 1);  // from_chars reads no plus
  std::from_chars(buffer + digits_at, end, exponent);
  // Python's float_repr_style 'short': an exponent below -4 or from 16 up is written out.
  if (exponent < -4 || exponent >= 16) return std::string(scientific);
  std::string sign, digits;
  for (const char c : scientific.substr(0, e)) {
    if (c == '-')
      sign.push_back(c);
    else if (c != '.')
      digits += c;
  }
  if (exponent < 0) return joined({sign, "0.", std::string(static_cast<std::size_t>(-exponent - 1), '0'), digits});
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() < whole) digits.append(whole - digits.size(), '0');
  const std::string fraction = digits.substr(whole);
  return joined({sign, digits.substr(0, whole), ".", fraction.empty() ? "0" : fraction});
}

namespace {

/// What str.isprintable denies, but for code points that Unicode has not assigned: those are printed as they are.
bool is_printable(char32_t c) {
  if (c == ' ') return true;
  if (is_space(c) || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad) return false;
  const bool format_or_private = (c >= 0x600 && c <= 0x605) || c == 0x61c || c == 0x6dd || c == 0x70f || c == 0x180e ||
                                 (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
                                 (c >= 0x2060 && c <= 0x206f) || (c >= 0xe000 && c <= 0xf8ff) || c == 0xfeff ||
                                 (c >= 0xfff9 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe || c >= 0xe0000;
  return !format_or_private;
}

/// Builds one representation; pays for every node and byte, so that shared data cannot blow up.
class Writer {
 public:
  explicit Writer(Budget& budget) : budget_(budget) {}

  Result<Text> finish() {
    TRY_VOID(budget_.string(out_.size()));
    return Text(std::move(out_), trusted_);
  }

  Result<void> repr(const Value& value, int depth = 0) {
    TRY_VOID(enter(depth));
    if (value.kind() <= Kind::kFloat || value.kind() == Kind::kRange) trusted_ = trusted_ && value.trusted;
    switch (value.kind()) {
      case Kind::kUndefined:
        return put("Undefined");
      case Kind::kNone:
        return put("None");
      case Kind::kBool:
        return put(value.integer() != 0 ? "True" : "False");
      case Kind::kInt:
        return put(std::to_string(value.integer()));
      case Kind::kBigInt:
        return put(std::to_string(std::get<std::uint64_t>(value.content)));
      case Kind::kFloat:
        return put(float_repr(value.number()));
      case Kind::kString:
        return repr_string(value.text());
      case Kind::kSequence:
        return repr_sequence(value.sequence(), depth);
      case Kind::kDict:
        return repr_dict(value.dict(), depth);
      case Kind::kRange: {
        const Range& range = value.range();
        TRY_VOID(put(joined({"range(", std::to_string(range.start), ", ", std::to_string(range.stop)})));
        trusted_ = trusted_ && range.trusted;
        return put(range.step == 1 ? std::string(")") : joined({", ", std::to_string(range.step), ")"}));
      }
      case Kind::kNamespace:
        TRY_VOID(put("<Namespace "));
        TRY_VOID(repr_dict(value.name_space().attributes, depth));
        return put(">");
      case Kind::kLoop:
        return put(joined({"<LoopContext ", std::to_string(value.loop().index0 + 1), "/",
                           std::to_string(value.loop().items->items.size()), ">"}));
      default:
        return put(joined({"<", type_name(value), ">"}));
    }
  }

  Result<void> json(const Value& value, const JsonStyle& style, int depth = 0) {
    TRY_VOID(enter(depth));
    switch (value.kind()) {
      case Kind::kNone:
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kBigInt:
      case Kind::kFloat:
        trusted_ = trusted_ && value.trusted;
        return put(json_scalar(value));
      case Kind::kString:
        return json_string(value.text(), style);
      case Kind::kDict:
        return json_object(value.dict(), style, depth);
      case Kind::kSequence:
        if (value.is_list()) return json_array(value.sequence(), style, depth);
        [[fallthrough]];
      default:
        return Error{ErrorCode::kInvalidInput, "tojson cannot write a value of type " + type_name(value)};
    }
  }

 private:
  Result<void> enter(int depth) {
    TRY_VOID(budget_.steps());
    // A namespace may hold itself, so its depth is not known beforehand.
    return budget_.nesting(depth);
  }

  Result<void> put(std::string_view bytes) {
    out_ += bytes;
    paid_ += bytes.size();
    if (paid_ < kPayEvery) return {};
    paid_ = 0;
    if (out_.size() > budget_.limits().output_bytes) return budget_.string(out_.size());
    return budget_.read(kPayEvery);
  }

  Result<void> repr_string(const Text& text) {
    trusted_ = trusted_ && text.trusted();
    const std::string_view bytes = text.bytes();
    const bool single = bytes.find('\'') == std::string_view::npos || bytes.find('"') != std::string_view::npos;
    const char quote = single ? '\'' : '"';
    TRY_VOID(put({&quote, 1}));
    for (std::size_t at = 0; at < bytes.size();) {
      const Character c = character_at(bytes, at);
      TRY_VOID(put(repr_character(c.code_point, bytes.substr(at, c.length), quote)));
      at += c.length;
    }
    return put({&quote, 1});
  }

  static std::string repr_character(char32_t c, std::string_view bytes, char quote) {
    if (c == static_cast<char32_t>(quote) || c == '\\') return joined({"\\", bytes});
    if (c == '\n') return "\\n";
    if (c == '\r') return "\\r";
    if (c == '\t') return "\\t";
    if (is_printable(c)) return std::string(bytes);
    char escaped[16];
    std::snprintf(escaped, sizeof escaped,
                  c < 0x100     ? "\\x%02x"
                  : c < 0x10000 ? "\\u%04x"
                                : "\\U%08x",
                  static_cast<unsigned>(c));
    return escaped;
  }

  Result<void> repr_sequence(const Sequence& sequence, int depth) {
    switch (sequence.flavor) {
      case Flavor::kList:
        return repr_items(sequence.items, "[", "]", depth);
      case Flavor::kTuple:
        return repr_items(sequence.items, "(", sequence.items.size() == 1 ? ",)" : ")", depth);
      case Flavor::kKeys:
        return repr_items(sequence.items, "dict_keys([", "])", depth);
      case Flavor::kValues:
        return repr_items(sequence.items, "dict_values([", "])", depth);
      case Flavor::kItems:
        return repr_items(sequence.items, "dict_items([", "])", depth);
      case Flavor::kIterator:
        break;
    }
    return put("<generator object>");
  }

  Result<void> repr_items(const Values& items, std::string_view open, std::string_view close, int depth) {
    TRY_VOID(put(open));
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0) TRY_VOID(put(", "));
      TRY_VOID(repr(items[i], depth + 1));
    }
    return put(close);
  }

  Result<void> repr_dict(const Dict& dict, int depth) {
    TRY_VOID(put("{"));
    bool first = true;
    for (const auto& [key, value] : dict.entries()) {
      if (!first) TRY_VOID(put(", "));
      first = false;
      TRY_VOID(repr(key, depth + 1));
      TRY_VOID(put(": "));
      TRY_VOID(repr(value, depth + 1));
    }
    return put("}");
  }

  static std::string json_scalar(const Value& value) {
    switch (value.kind()) {
      case Kind::kNone:
        return "null";
      case Kind::kBool:
        return value.integer() != 0 ? "true" : "false";
      case Kind::kInt:
        return std::to_string(value.integer());
      case Kind::kBigInt:
        return std::to_string(std::get<std::uint64_t>(value.content));
      default:
        if (std::isnan(value.number())) return "NaN";
        if (std::isinf(value.number())) return value.number() < 0 ? "-Infinity" : "Infinity";
        return float_repr(value.number());
    }
  }

  Result<void> json_string(const Text& text, const JsonStyle& style) {
    trusted_ = trusted_ && text.trusted();
    const std::string_view bytes = text.bytes();
    TRY_VOID(put("\""));
    for (std::size_t at = 0; at < bytes.size();) {
      const Character c = character_at(bytes, at);
      TRY_VOID(put(json_character(c.code_point, bytes.substr(at, c.length), style.ensure_ascii)));
      at += c.length;
    }
    return put("\"");
  }

  static std::string json_character(char32_t c, std::string_view bytes, bool ensure_ascii) {
    switch (c) {
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      case '\f':
        return "\\f";
      case '\b':
        return "\\b";
      default:
        break;
    }
    if (c >= 0x20 && (c < 0x7f || !ensure_ascii)) return std::string(bytes);
    if (c == 0x7f) return std::string(bytes);
    char escaped[16];
    if (c < 0x10000) {
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
    } else {
      const unsigned high = 0xd800 + ((static_cast<unsigned>(c) - 0x10000) >> 10);
      const unsigned low = 0xdc00 + ((static_cast<unsigned>(c) - 0x10000) & 0x3ff);
      std::snprintf(escaped, sizeof escaped, "\\u%04x\\u%04x", high, low);
    }
    return escaped;
  }

  Result<void> new_line(const JsonStyle& style, int depth) {
    if (!style.indent) return {};
    TRY_VOID(put("\n"));
    for (int i = 0; i < depth; ++i) TRY_VOID(put(*style.indent));
    return {};
  }

  Result<void> json_array(const Sequence& sequence, const JsonStyle& style, int depth) {
    if (sequence.items.empty()) return put("[]");
    TRY_VOID(put("["));
    for (std::size_t i = 0; i < sequence.items.size(); ++i) {
      if (i != 0) TRY_VOID(put(style.item_separator));
      TRY_VOID(new_line(style, depth + 1));
      TRY_VOID(json(sequence.items[i], style, depth + 1));
    }
    TRY_VOID(new_line(style, depth));
    return put("]");
  }

  Result<void> json_object(const Dict& dict, const JsonStyle& style, int depth) {
    if (dict.size() == 0) return put("{}");
    std::vector<const Dict::Entry*> entries;
    for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
    if (style.sort_keys) TRY_VOID(sort_by_key(entries));
    TRY_VOID(put("{"));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i != 0) TRY_VOID(put(style.item_separator));
      TRY_VOID(new_line(style, depth + 1));
      TRY_VOID(json_key(entries[i]->key, style));
      TRY_VOID(put(style.key_separator));
      TRY_VOID(json(entries[i]->value, style, depth + 1));
    }
    TRY_VOID(new_line(style, depth));
    return put("}");
  }

  Result<void> json_key(const Value& key, const JsonStyle& style) {
    if (key.is_string()) return json_string(key.text(), style);
    if (!key.is_none() && !key.is_number()) {
      return Error{ErrorCode::kInvalidInput, "tojson cannot write a key of type " + type_name(key)};
    }
    trusted_ = trusted_ && key.trusted;
    return put(joined({"\"", json_scalar(key), "\""}));
  }

  Result<void> sort_by_key(std::vector<const Dict::Entry*>& entries) {
    for (const Dict::Entry* entry : entries) {
      if (!entry->key.is_string())
        return Error{ErrorCode::kUnsupported, "tojson(sort_keys=true) needs a dict whose keys are strings"};
      TRY_VOID(budget_.steps(1 + entry->key.text().size() / 8));
    }
    std::sort(entries.begin(), entries.end(),
              [](const auto* a, const auto* b) { return a->key.text().bytes() < b->key.text().bytes(); });
    return {};
  }

  static constexpr std::size_t kPayEvery = 4096;
  Budget& budget_;
  std::string out_;
  std::size_t paid_ = 0;
  bool trusted_ = true;
};

}  // namespace

Result<Text> to_text(Budget& budget, const Value& value) {
  if (value.is_string()) return value.text();
  if (value.is_undefined()) return Text();
  return to_repr(budget, value);
}

Result<Text> to_repr(Budget& budget, const Value& value) {
  Writer writer(budget);
  TRY_VOID(writer.repr(value));
  return writer.finish();
}

Result<Text> to_json(Budget& budget, const Value& value, const JsonStyle& style) {
  Writer writer(budget);
  TRY_VOID(writer.json(value, style));
  return writer.finish();
}

}  // namespace troupe::model::jinja
