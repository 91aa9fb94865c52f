#include "runtime/model/chat_template/lexer.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "runtime/base/utf8.hpp"
#include "runtime/model/chat_template/text.hpp"

namespace troupe::model::jinja {

std::string where(const std::string& name, Position at) {
  return name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "template text";
    case TokenKind::kOutputBegin:
      return "'{{'";
    case TokenKind::kOutputEnd:
      return "'}}'";
    case TokenKind::kTagBegin:
      return "'{%'";
    case TokenKind::kTagEnd:
      return "'%}'";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "a number";
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return "'" + token.text + "'";
  }
}

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// CRLF and CR become LF; one newline at the very end is dropped.
std::string with_plain_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(std::string source, const std::string& name) : source_(std::move(source)), name_(name) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) TRY_VOID(data());
    push(TokenKind::kEnd, "", at_);
    return std::move(tokens_);
  }

 private:
  bool next_is(std::string_view text) const { return std::string_view(source_).substr(at_, text.size()) == text; }

  /// Line and column of an offset; offsets are asked for in rising order.
  Position position(std::size_t offset) {
    for (; seen_ < offset; ++seen_) {
      if (source_[seen_] == '\n') {
        ++line_;
        line_start_ = seen_ + 1;
      }
    }
    return {line_, static_cast<int>(offset - std::min(offset, line_start_)) + 1};
  }

  Token& push(TokenKind kind, std::string text, std::size_t offset) {
    tokens_.push_back({kind, std::move(text), 0, 0, position(offset)});
    return tokens_.back();
  }

  Error fail(std::size_t offset, const std::string& what, ErrorCode code = ErrorCode::kInvalidInput) {
    return {code, where(name_, position(offset)) + what};
  }

  std::size_t after_space(std::size_t at) const { return skip_space(source_, at); }

  /// Moves past text that ended a tag, comment or output, and remembers whether it ended a line.
  void move_to(std::size_t at) {
    line_starting_ = at > at_ ? source_[at - 1] == '\n' : line_starting_;
    at_ = at;
  }

  /// Text up to the next '{{', '{%' or '{#', and what that opens.
  Result<void> data() {
    const std::size_t start = at_;
    std::size_t open = start;
    while (true) {
      open = source_.find('{', open);
      if (open == std::string::npos || open + 1 >= source_.size()) {
        if (start < source_.size()) push(TokenKind::kData, source_.substr(start), start);
        at_ = source_.size();
        return {};
      }
      if (source_[open + 1] == '{' || source_[open + 1] == '%' || source_[open + 1] == '#') break;
      ++open;
    }
    const char kind = source_[open + 1];
    std::size_t inside = open + 2;
    const char sign =
        inside < source_.size() && (source_[inside] == '-' || source_[inside] == '+') ? source_[inside] : '\0';
    if (sign != '\0') ++inside;
    push_data(start, open, sign, kind == '{');
    at_ = inside;
    line_starting_ = false;
    if (kind == '#') return comment(open);
    if (kind == '{') {
      push(TokenKind::kOutputBegin, "", open);
      return expression(false);
    }
    if (const auto body = raw_body(inside)) return raw(open, *body);
    push(TokenKind::kTagBegin, "", open);
    return expression(true);
  }

  /// The text [start, open) as the tag's sign and lstrip_blocks leave it.
  void push_data(std::size_t start, std::size_t open, char sign, bool is_output) {
    std::size_t end = open;
    if (sign == '-') {
      end = start + end_before_space(std::string_view(source_).substr(start, open - start), open - start);
    } else if (sign == '\0' && !is_output) {
      const std::string_view text = std::string_view(source_).substr(start, open - start);
      const std::size_t newline = text.rfind('\n');
      const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      if ((line > 0 || line_starting_) && skip_space(text, line) == text.size()) end = start + line;
    }
    if (end > start) push(TokenKind::kData, source_.substr(start, end - start), start);
  }

  /// Where the closing `text` ('%}', '#}', '}}') at at_, with its sign, lets the template go on; nothing if it is not
  /// there.
  std::optional<std::size_t> closing(std::string_view text, bool trims, bool plus_allowed) const {
    const std::string_view rest = std::string_view(source_).substr(at_);
    if (rest.substr(0, 1) == "-" && rest.substr(1, 2) == text) return after_space(at_ + 3);
    if (plus_allowed && rest.substr(0, 1) == "+" && rest.substr(1, 2) == text) return at_ + 3;
    if (rest.substr(0, 2) != text) return std::nullopt;
    return at_ + 2 + (trims && rest.substr(2, 1) == "\n" ? 1 : 0);
  }

  Result<void> comment(std::size_t open) {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string::npos) return fail(open, "this comment has no end; expected '#}'");
    if (end > at_ && (source_[end - 1] == '-' || source_[end - 1] == '+')) {
      at_ = end - 1;
    } else {
      at_ = end;
    }
    move_to(*closing("#}", true, true));
    return {};
  }

  /// Start of the body where a `{% raw %}` follows `inside`.
  std::optional<std::size_t> raw_body(std::size_t inside) const {
    std::size_t at = after_space(inside);
    if (source_.compare(at, 3, "raw") != 0) return std::nullopt;
    at = after_space(at + 3);
    if (source_.compare(at, 3, "-%}") == 0) return after_space(at + 3);
    if (source_.compare(at, 2, "%}") == 0) return at + 2;
    return std::nullopt;
  }

  Result<void> raw(std::size_t open, std::size_t body) {
    move_to(body);
    for (std::size_t tag = body; (tag = source_.find("{%", tag)) != std::string::npos; ++tag) {
      std::size_t at = tag + 2;
      const char sign = at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
      if (sign != '\0') ++at;
      at = after_space(at);
      if (source_.compare(at, 6, "endraw") != 0) continue;
      at_ = after_space(at + 6);
      const auto end = closing("%}", true, true);
      if (!end) continue;
      push_data(body, tag, sign, false);
      move_to(*end);
      return {};
    }
    return fail(open, "this raw block has no end; expected '{% endraw %}'");
  }

  /// Tokens up to the closing '}}' or '%}', which counts only outside of brackets.
  Result<void> expression(bool is_tag) {
    std::string open_brackets;
    while (true) {
      at_ = after_space(at_);
      if (at_ >= source_.size()) return {};  // the parser finds the end where it wants more
      if (open_brackets.empty()) {
        if (const auto end = closing(is_tag ? "%}" : "}}", is_tag, is_tag)) {
          push(is_tag ? TokenKind::kTagEnd : TokenKind::kOutputEnd, "", at_);
          move_to(*end);
          return {};
        }
      }
      const char c = source_[at_];
      if (is_digit(c)) {
        TRY_VOID(number());
      } else if (starts_name(c)) {
        name();
      } else if (c == '\'' || c == '"') {
        TRY_VOID(string());
      } else {
        TRY_VOID(operation(open_brackets));
      }
    }
  }

  void name() {
    const std::size_t start = at_;
    while (at_ < source_.size() && (starts_name(source_[at_]) || is_digit(source_[at_]))) ++at_;
    push(TokenKind::kName, source_.substr(start, at_ - start), start);
  }

  /// Past a run of digits, in which single underscores may stand; where it began if there is no digit.
  template <class IsDigit>
  std::size_t digits(std::size_t at, IsDigit is_one) const {
    while (at < source_.size()) {
      const std::size_t digit = source_[at] == '_' && at > 0 && source_[at - 1] != '_' ? at + 1 : at;
      if (digit >= source_.size() || !is_one(source_[digit])) break;
      at = digit + 1;
    }
    return at;
  }

  /// Past a decimal number with a point or an exponent that starts here, or where it starts if it has neither.
  std::size_t end_of_float(std::size_t start) const {
    if (start > 0 && source_[start - 1] == '.') return start;
    const std::size_t whole = digits(start, is_digit);
    std::size_t end = whole;
    if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) end = digits(end + 1, is_digit);
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      std::size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) ++exponent;
      if (exponent < source_.size() && is_digit(source_[exponent])) end = digits(exponent, is_digit);
    }
    return end == whole ? start : end;
  }

  Result<void> number() {
    const std::size_t start = at_;
    const auto plain = [&](std::size_t from, std::size_t to) {
      std::string out = source_.substr(from, to - from);
      out.erase(std::remove(out.begin(), out.end(), '_'), out.end());
      return out;
    };
    if (const std::size_t end = end_of_float(start); end != start) {
      const std::string text = plain(start, end);
      Token& token = push(TokenKind::kFloat, text, start);
      // Out of range reads as Python reads it: as infinity or zero.
      const auto read = std::from_chars(text.data(), text.data() + text.size(), token.real);
      if (read.ec != std::errc())
        return fail(start, "the number " + text + " does not fit a double", ErrorCode::kUnsupported);
      at_ = end;
      return {};
    }
    int base = 10;
    std::size_t end = digits(start, is_digit);
    if (source_[start] == '0') {
      const char kind = start + 1 < source_.size() ? static_cast<char>(source_[start + 1] | 0x20) : '\0';
      base = kind == 'b' ? 2 : kind == 'o' ? 8 : kind == 'x' ? 16 : 10;
      const auto is_one = [base](char c) {
        const int value = is_digit(c) ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 16;
        return value < base;
      };
      const std::size_t prefixed = base == 10 ? end : digits(start + 2, is_one);
      if (base != 10 && prefixed > start + 2) {
        end = prefixed;
      } else {
        base = 10;
        end = digits(start, [](char c) { return c == '0'; });
      }
    }
    const std::string text = plain(base == 10 ? start : start + 2, end);
    Token& token = push(TokenKind::kInteger, text, start);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), token.integer, base);
    if (read.ec != std::errc())
      return fail(start, "the integer " + text + " does not fit 64 bits", ErrorCode::kUnsupported);
    at_ = end;
    return {};
  }

  Result<void> string() {
    const std::size_t start = at_;
    const char quote = source_[at_++];
    std::string out;
    while (at_ < source_.size() && source_[at_] != quote) {
      if (source_[at_] != '\\') {
        out += source_[at_++];
        continue;
      }
      TRY_VOID(escape(out));
    }
    if (at_ >= source_.size()) return fail(start, std::string("this string has no end; expected ") + quote);
    ++at_;
    push(TokenKind::kString, std::move(out), start);
    return {};
  }

  /// One backslash sequence of Python's; one that Python does not know stays as it is.
  Result<void> escape(std::string& out) {
    const std::size_t start = at_++;
    if (at_ >= source_.size()) return {};
    const char c = source_[at_++];
    static constexpr std::string_view kLetters = "abfnrtv\\'\"";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
    if (const std::size_t known = kLetters.find(c); known != std::string_view::npos) {
      out += kMeanings[known];
      return {};
    }
    if (c == '\n') return {};
    if (c == 'x') return code_point(out, start, 2, 16);
    if (c == 'u') return code_point(out, start, 4, 16);
    if (c == 'U') return code_point(out, start, 8, 16);
    if (c == 'N')
      return fail(start, "characters by name (\\N{...}) are not supported; use \\u", ErrorCode::kUnsupported);
    if (c >= '0' && c <= '7') {
      --at_;
      std::size_t length = 1;
      while (length < 3 && at_ + length < source_.size() && source_[at_ + length] >= '0' &&
             source_[at_ + length] <= '7')
        ++length;
      return code_point(out, start, length, 8);
    }
    out += '\\';
    --at_;  // what follows is ordinary text
    out += source_[at_++];
    return {};
  }

  Result<void> code_point(std::string& out, std::size_t start, std::size_t length, int base) {
    std::uint32_t value = 0;
    const char* from = source_.data() + at_;
    const std::size_t there = std::min(length, source_.size() - at_);
    const auto read = std::from_chars(from, from + there, value, base);
    if (there < length || read.ec != std::errc() || read.ptr != from + length) {
      return fail(start, "this escape sequence is cut short; expected " + std::to_string(length) + " digits");
    }
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
      return fail(start, "this escape sequence is no character; write the character itself or \\U with 8 digits");
    }
    at_ += length;
    append_utf8(out, static_cast<char32_t>(value));
    return {};
  }

  Result<void> operation(std::string& open_brackets) {
    static constexpr std::string_view kPairs[] = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kSingles = "+-/*%~[](){}><=.:|,;";
    const char c = source_[at_];
    std::string text(1, c);
    for (const std::string_view pair : kPairs) {
      if (next_is(pair)) text = pair;
    }
    if (text.size() == 1 && kSingles.find(c) == std::string_view::npos) {
      if (static_cast<unsigned char>(c) >= 0x80) {
        return fail(at_, "only ASCII characters may stand outside of strings here", ErrorCode::kUnsupported);
      }
      return fail(at_, "unexpected character '" + text + "'");
    }
    if (c == '(') open_brackets += ')';
    if (c == '[') open_brackets += ']';
    if (c == '{') open_brackets += '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open_brackets.empty()) return fail(at_, "unexpected '" + text + "': no bracket is open");
      if (open_brackets.back() != c)
        return fail(at_, "unexpected '" + text + "'; expected '" + open_brackets.back() + "'");
      open_brackets.pop_back();
    }
    push(TokenKind::kOperator, text, at_);
    at_ += text.size();
    return {};
  }

  std::string source_;
  const std::string& name_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  bool line_starting_ = true;  ///< whether what was read last ended a line
  std::size_t seen_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source, const std::string& name) {
  return Lexer(with_plain_newlines(source), name).run();
}

}  // namespace troupe::model::jinja
