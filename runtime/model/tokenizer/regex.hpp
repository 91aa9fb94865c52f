// Regular expressions as tokenizer files mean them: Oniguruma's, over UTF-8.
//
// A search that backtracks is bounded: each has an allowance of retries, and one encoding a budget for those that ask
// for more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

struct re_pattern_buffer;
struct re_registers;
struct OnigMatchParamStruct;

namespace troupe::model::tok {

/// A stretch of a text, in bytes.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool match = false;
};

/// Working memory and budget of the searches of one thread over one text. Not to be shared between threads.
class MatchContext {
 public:
  /// `text_bytes`: how much text it will be used on, which sets the budget.
  explicit MatchContext(std::size_t text_bytes);
  ~MatchContext();
  MatchContext(const MatchContext&) = delete;
  MatchContext& operator=(const MatchContext&) = delete;

 private:
  friend class Regex;
  re_registers* region_;
  OnigMatchParamStruct* limits_;
  std::uint64_t retries_left_;
};

/// Immutable: any number of threads may search with it at once, each with a MatchContext of its own.
class Regex {
 public:
  /// kInvalidInput with Oniguruma's words, put behind `where`; kTooLarge for a pattern over 64 KiB.
  static Result<std::shared_ptr<const Regex>> compile(std::string_view pattern, const std::string& where);
  /// The pattern that matches `literal` only.
  static std::string escape(std::string_view literal);

  /// Cuts `text` (UTF-8) into matches, found from left to right, and what lies between; the spans cover all of it.
  /// Replaces `out`. kTooLarge when the budget of `context` is spent or the matcher's memory is full.
  Result<void> spans(std::string_view text, MatchContext& context, std::vector<Span>& out) const;

  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

 private:
  Regex(re_pattern_buffer* compiled, std::string pattern) : compiled_(compiled), pattern_(std::move(pattern)) {}
  int search(std::string_view text, std::size_t from, MatchContext& context) const;
  re_pattern_buffer* compiled_;
  std::string pattern_;
};

/// `text` with each match replaced by `content`. kTooLarge when the result would pass `limit_bytes`.
Result<std::string> replace_matches(std::string_view text, const Regex& regex, std::string_view content,
                                    std::size_t limit_bytes, MatchContext& context);

}  // namespace troupe::model::tok
