#include "runtime/model/chat_template/strings.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "runtime/model/chat_template/print.hpp"

namespace troupe::model::jinja {

namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

std::size_t start_of_last_character(std::string_view bytes, std::size_t end) {
  std::size_t start = end - 1;
  while (start > 0 && (static_cast<unsigned char>(bytes[start]) & 0xc0) == 0x80) --start;
  return start;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t from = skip_space(text, 0);
  return from == text.size() ? std::string_view() : text.substr(from, end_before_space(text, text.size()) - from);
}

/// Adds text[from, to) to the pieces.
Result<void> add_piece(Budget& budget, Values& pieces, const Text& text, std::size_t from, std::size_t to) {
  TRY_VOID(budget.steps());
  TRY_VOID(budget.string(to - from));
  pieces.push_back(string(text.slice(from, to)));
  return {};
}

Result<Values> split_at_space(Budget& budget, const Text& text, std::int64_t limit) {
  Values pieces;
  const std::string_view bytes = text.bytes();
  std::size_t at = skip_space(bytes, 0);
  while (at < bytes.size()) {
    std::size_t end = at;
    if (limit >= 0 && static_cast<std::int64_t>(pieces.size()) == limit) {
      end = bytes.size();  // the rest, with the white space at its end
    } else {
      while (end < bytes.size() && !is_space(character_at(bytes, end).code_point))
        end += character_at(bytes, end).length;
    }
    TRY_VOID(add_piece(budget, pieces, text, at, end));
    at = skip_space(bytes, end);
  }
  return pieces;
}

Result<Values> split_at_space_from_right(Budget& budget, const Text& text, std::int64_t limit) {
  Values pieces;
  const std::string_view bytes = text.bytes();
  std::size_t end = end_before_space(bytes, bytes.size());
  while (end > 0) {
    std::size_t start = end;
    if (limit >= 0 && static_cast<std::int64_t>(pieces.size()) == limit) {
      start = 0;
    } else {
      while (start > 0) {
        const std::size_t before = start_of_last_character(bytes, start);
        if (is_space(character_at(bytes, before).code_point)) break;
        start = before;
      }
    }
    TRY_VOID(add_piece(budget, pieces, text, start, end));
    end = limit >= 0 && static_cast<std::int64_t>(pieces.size()) > limit ? 0 : end_before_space(bytes, start);
  }
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

Result<Values> split_at(Budget& budget, const Text& text, std::string_view separator, std::int64_t limit,
                        bool from_right) {
  std::vector<std::size_t> places;
  const std::string_view bytes = text.bytes();
  if (from_right) {
    // Found in the mirrored text, so that what overlaps is found from the right.
    const std::string mirrored(bytes.rbegin(), bytes.rend()), mirrored_separator(separator.rbegin(), separator.rend());
    for (std::size_t at = 0; (limit < 0 || static_cast<std::int64_t>(places.size()) < limit) &&
                             (at = find_bytes(mirrored, mirrored_separator, at)) != std::string_view::npos;
         at += separator.size()) {
      TRY_VOID(budget.steps());
      places.push_back(bytes.size() - at - separator.size());
    }
    std::reverse(places.begin(), places.end());
  } else {
    for (std::size_t at = 0; (limit < 0 || static_cast<std::int64_t>(places.size()) < limit) &&
                             (at = find_bytes(bytes, separator, at)) != std::string_view::npos;
         at += separator.size()) {
      TRY_VOID(budget.steps());
      places.push_back(at);
    }
  }
  Values pieces;
  std::size_t from = 0;
  for (const std::size_t place : places) {
    TRY_VOID(add_piece(budget, pieces, text, from, place));
    from = place + separator.size();
  }
  TRY_VOID(add_piece(budget, pieces, text, from, bytes.size()));
  return pieces;
}

}  // namespace

Result<Text> strip(Budget& budget, const Text& text, const Text* characters, Side side) {
  const std::string_view bytes = text.bytes();
  TRY_VOID(budget.string(bytes.size()));
  std::size_t from = 0, to = bytes.size();
  if (characters == nullptr) {
    if (side != Side::kRight) from = skip_space(bytes, 0);
    if (side != Side::kLeft && from < to) to = end_before_space(bytes, to);
    return text.slice(from, to);
  }
  TRY_VOID(budget.steps(characters->size()));
  std::set<char32_t> unwanted;
  for (std::size_t at = 0; at < characters->size();) {
    const Character c = character_at(characters->bytes(), at);
    unwanted.insert(c.code_point);
    at += c.length;
  }
  while (side != Side::kRight && from < to && unwanted.contains(character_at(bytes, from).code_point))
    from += character_at(bytes, from).length;
  while (side != Side::kLeft && to > from) {
    const std::size_t last = start_of_last_character(bytes, to);
    if (!unwanted.contains(character_at(bytes, last).code_point)) break;
    to = last;
  }
  return text.slice(from, to);
}

Result<Text> replace(Budget& budget, const Text& text, const Text& old, const Text& by, std::int64_t count) {
  TRY_VOID(budget.read(text.size()));
  Text out;
  const std::string_view bytes = text.bytes();
  std::size_t from = 0;
  const auto put = [&](const Text& piece) -> Result<void> {
    if (out.size() + piece.size() > budget.limits().output_bytes) return budget.string(out.size() + piece.size());
    out.append(piece);
    return budget.read(piece.size());
  };
  for (std::int64_t done = 0; count < 0 || done < count; ++done) {
    std::size_t at = 0;
    if (old.empty()) {  // before every character, and at the end
      if (done > 0 && from >= bytes.size()) break;
      at = done == 0 ? 0 : from + character_at(bytes, from).length;
    } else {
      at = find_bytes(bytes, old.bytes(), from);
      if (at == std::string_view::npos) break;
    }
    TRY_VOID(budget.steps(1 + by.size() / 64));
    TRY_VOID(put(text.slice(from, at)));
    TRY_VOID(put(by));
    from = at + old.size();
  }
  TRY_VOID(put(text.slice(from, bytes.size())));
  return out;
}

Result<Value> join(Budget& budget, const Text& separator, const Values& items) {
  Text out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    TRY_VOID(budget.steps());
    if (i != 0) out.append(separator);
    TRY(text, to_text(budget, items[i]));
    if (out.size() + text.size() + separator.size() > budget.limits().output_bytes)
      return budget.string(out.size() + text.size() + separator.size()).error();
    TRY_VOID(budget.read(text.size() + separator.size()));
    out.append(text);
  }
  return string(std::move(out));
}

Result<Value> split(Budget& budget, const Text& text, const Text* separator, std::int64_t limit, bool from_right) {
  TRY_VOID(budget.read(text.size()));
  if (separator != nullptr) {
    if (separator->empty()) return invalid("the separator is empty");
    TRY(pieces, split_at(budget, text, separator->bytes(), limit, from_right));
    return make_sequence(budget, Flavor::kList, std::move(pieces));
  }
  TRY(pieces, from_right ? split_at_space_from_right(budget, text, limit) : split_at_space(budget, text, limit));
  return make_sequence(budget, Flavor::kList, std::move(pieces));
}

Result<Values> split_lines(Budget& budget, const Text& text, bool keep_ends) {
  Values lines;
  const std::string_view bytes = text.bytes();
  std::size_t from = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const Character c = character_at(bytes, at);
    std::size_t next = at + c.length;
    const bool ends = (c.code_point >= 10 && c.code_point <= 13) || (c.code_point >= 0x1c && c.code_point <= 0x1e) ||
                      c.code_point == 0x85 || c.code_point == 0x2028 || c.code_point == 0x2029;
    if (c.code_point == '\r' && next < bytes.size() && bytes[next] == '\n') ++next;
    if (ends) {
      TRY_VOID(add_piece(budget, lines, text, from, keep_ends ? next : at));
      from = next;
    }
    at = next;
  }
  if (from < bytes.size()) TRY_VOID(add_piece(budget, lines, text, from, bytes.size()));
  return lines;
}

Result<Text> pad(Budget& budget, const Text& text, std::int64_t width, Side text_side, char fill) {
  const auto length = static_cast<std::int64_t>(count_characters(text.bytes()));
  TRY_VOID(budget.string(text.size()));
  if (width <= length) return text;
  if (static_cast<std::uint64_t>(width) > budget.limits().output_bytes)
    return budget.string(static_cast<std::size_t>(width)).error();
  const auto missing = static_cast<std::size_t>(width - length);
  TRY_VOID(budget.string(text.size() + missing));
  std::size_t left = 0;
  if (text_side == Side::kRight) left = missing;
  // CPython's str.center gives the odd one to the left where the width is odd.
  if (text_side == Side::kBoth) left = missing / 2 + (missing & static_cast<std::size_t>(width) & 1);
  Text out;
  out.append(std::string(left, fill), true);
  out.append(text);
  out.append(std::string(missing - left, fill), true);
  return out;
}

Result<std::int64_t> count_of(Budget& budget, const Text& text, const Text& part) {
  TRY_VOID(budget.read(text.size()));
  if (part.empty()) return static_cast<std::int64_t>(count_characters(text.bytes())) + 1;
  std::int64_t count = 0;
  for (std::size_t at = 0; (at = find_bytes(text.bytes(), part.bytes(), at)) != std::string_view::npos;
       at += part.size()) {
    TRY_VOID(budget.steps());
    ++count;
  }
  return count;
}

std::optional<std::int64_t> parse_integer(std::string_view text, int base) {
  text = trimmed(text);
  if (text.size() > 256 || (base != 0 && (base < 2 || base > 36))) return std::nullopt;
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const char prefix = text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
  const int prefixed = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 0;
  bool underscore_allowed = false;
  if (prefixed != 0 && (base == 0 || base == prefixed)) {
    base = prefixed;
    text.remove_prefix(2);
    underscore_allowed = true;
  } else if (base == 0) {
    base = 10;
  }
  std::string digits(negative ? "-" : "");
  for (const char c : text) {
    if (c == '_') {
      if (!underscore_allowed) return std::nullopt;
      underscore_allowed = false;
    } else {
      digits += c;
      underscore_allowed = true;
    }
  }
  if (!underscore_allowed) return std::nullopt;
  std::int64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_float(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.size() > 256) return std::nullopt;
  std::string digits(text);
  if (digits[0] == '+') digits.erase(0, 1);
  if (digits.empty() || digits[0] == '+' || digits.find('(') != std::string::npos) return std::nullopt;
  double value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ptr != digits.data() + digits.size() || read.ec == std::errc::invalid_argument) return std::nullopt;
  return value;
}

Result<Text> escape_html(Budget& budget, const Text& text) {
  Text out;
  TRY_VOID(budget.string(text.size()));
  text.for_each_run([&out](std::string_view bytes, bool trusted) {
    std::string run;
    for (const char c : bytes) {
      switch (c) {
        case '&':
          run += "&amp;";
          break;
        case '<':
          run += "&lt;";
          break;
        case '>':
          run += "&gt;";
          break;
        case '"':
          run += "&#34;";
          break;
        case '\'':
          run += "&#39;";
          break;
        default:
          run += c;
      }
    }
    out.append(run, trusted);
  });
  TRY_VOID(budget.string(out.size()));
  return out;
}

}  // namespace troupe::model::jinja
