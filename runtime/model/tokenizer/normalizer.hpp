// The `normalizer` of a tokenizer file: what happens to a text before it is cut up.
#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/model/tokenizer/fields.hpp"
#include "runtime/model/tokenizer/regex.hpp"
#include "runtime/model/tokenizer/unicode.hpp"

namespace troupe::model::tok {

/// No text may be longer than this, before normalization or after.
inline constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;

/// A text on its way through the normalizer.
struct NormalText {
  std::string text;
  std::string marks;          ///< empty, or one byte for each of text's: 1 where it comes from trusted bytes only
  bool starts_input = false;  ///< its first character is the input's first, or was put before that
};

class Normalizer {
 public:
  /// Of `tokenizer`'s field `normalizer`; none if that is null. kUnsupported names a kind that it does not know.
  static Result<Normalizer> parse(const Fields& tokenizer);

  /// Changes `text` in place. kTooLarge when it would pass kMaxTextBytes.
  Result<void> apply(NormalText& text, MatchContext& context) const;
  bool empty() const { return steps_.empty(); }

 private:
  struct Form {
    NormalForm form;
  };
  struct Prepend {
    std::string text;
  };
  struct Replace {
    std::shared_ptr<const Regex> pattern;
    std::string content;
  };
  struct Strip {
    bool left, right;
  };
  struct LowerCase {};
  struct StripAccents {};
  using Step = std::variant<Form, Prepend, Replace, Strip, LowerCase, StripAccents>;

  Result<void> add(const Fields& component);
  static Result<void> run(const Form& step, NormalText& text, MatchContext& context);
  static Result<void> run(const Prepend& step, NormalText& text, MatchContext& context);
  static Result<void> run(const Replace& step, NormalText& text, MatchContext& context);
  static Result<void> run(const Strip& step, NormalText& text, MatchContext& context);
  static Result<void> run(const LowerCase& step, NormalText& text, MatchContext& context);
  static Result<void> run(const StripAccents& step, NormalText& text, MatchContext& context);

  std::vector<Step> steps_;
};

/// The pattern of a component's field: {"String": literal} or {"Regex": pattern}.
Result<std::shared_ptr<const Regex>> parse_pattern(const Fields& component);

/// How many components one chain may have, nested ones counted.
inline constexpr std::size_t kMaxComponents = 64;

}  // namespace troupe::model::tok
