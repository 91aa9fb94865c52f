// A template's source cut into tokens, with jinja2's white space rules (trim_blocks and lstrip_blocks on, the last
// newline dropped).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::model::jinja {

/// Both from 1; columns count bytes.
struct Position {
  int line = 1;
  int column = 1;
};

/// "name:line:column: "
std::string where(const std::string& name, Position at);

enum class TokenKind {
  kData,
  kOutputBegin,
  kOutputEnd,
  kTagBegin,
  kTagEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  ///< the data, name or operator; a string's value with its escapes resolved
  std::int64_t integer = 0;
  double real = 0;
  Position at;
};

/// What stands there, for a message: "'endfor'", "end of template".
std::string describe(const Token& token);

/// Comments are gone and `raw` blocks are data; the last token is kEnd. `source` must be valid UTF-8. kInvalidInput for
/// what is no Jinja, kUnsupported for names outside ASCII and integers of more than 64 bits.
Result<std::vector<Token>> tokenize(std::string_view source, const std::string& name);

}  // namespace troupe::model::jinja
