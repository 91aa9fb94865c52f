// The `decoder` of a tokenizer file: token texts to text, as a chain of stages that work on a stream.
//
// A stage lets out what no later token can change, and keeps the rest; decoding a whole list is the same stream,
// finished.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/model/tokenizer/fields.hpp"
#include "runtime/model/tokenizer/pre_tokenizer.hpp"
#include "runtime/model/tokenizer/regex.hpp"

namespace troupe::model::tok {

/// What one stage keeps between tokens.
struct StageState {
  std::string held;          ///< not yet certain
  std::string partial;       ///< of a token that is not complete, where the stage needs it whole
  std::size_t tokens = 0;    ///< whole ones that went through
  std::size_t cut = 0;       ///< Strip: characters taken off the front of this token
  bool cutting = true;       ///< Strip: the front goes on
  std::size_t trailing = 0;  ///< Strip: characters kept back that may be the end of this token
};
using DecodeState = std::vector<StageState>;

class Decoder {
 public:
  /// Of `tokenizer`'s field `decoder`; where that is null, tokens are joined with spaces. kUnsupported names a kind
  /// that it does not know.
  static Result<Decoder> parse(const Fields& tokenizer);

  DecodeState start() const { return DecodeState(stages_.size()); }
  /// Appends to `out` what became certain with one more token. Amortized cost: the token's length for each stage.
  void push(DecodeState& state, std::string_view token, std::string& out) const { feed(state, 0, token, true, out); }
  /// Appends the rest. `state` is of no more use.
  void finish(DecodeState& state, std::string& out) const;

  /// The bytes that `token` stands for in the middle of a text.
  std::string bytes_of(std::string_view token) const;

 private:
  struct ByteLevel {};
  struct ByteFallback {};
  struct Fuse {};
  struct JoinWithSpaces {};
  struct Replace {
    std::string literal;  // empty where `pattern` is a regular expression
    std::shared_ptr<const Regex> pattern;
    std::string content;
  };
  struct Strip {
    std::string content;  // one character
    std::size_t start, stop;
  };
  struct Metaspace {
    std::string replacement;
    bool drop_first;
  };
  using Stage = std::variant<ByteLevel, ByteFallback, Fuse, JoinWithSpaces, Replace, Strip, Metaspace>;

  Result<void> add(const Fields& component);

  // Hands text of the current token to stage `at`; `ends`: the token is complete with it. Every call's text is UTF-8.
  void feed(DecodeState& state, std::size_t at, std::string_view text, bool ends, std::string& out) const;
  void run(const ByteLevel& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
           std::string& out) const;
  void run(const ByteFallback& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
           std::string& out) const;
  void run(const Fuse& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
           std::string& out) const;
  void run(const JoinWithSpaces& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
           std::string& out) const;
  void run(const Replace& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
           std::string& out) const;
  void run(const Strip& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
           std::string& out) const;
  void run(const Metaspace& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
           std::string& out) const;
  void flush_bytes(DecodeState& state, std::size_t at, std::string& out) const;

  std::vector<Stage> stages_;
};

}  // namespace troupe::model::tok
