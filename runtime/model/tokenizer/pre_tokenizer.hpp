// The `pre_tokenizer` of a tokenizer file: cuts a text into the pieces that are encoded each by itself.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/model/tokenizer/fields.hpp"
#include "runtime/model/tokenizer/pieces.hpp"
#include "runtime/model/tokenizer/regex.hpp"

namespace troupe::model::tok {

/// Whether a mark for a space goes in front of a piece that has none: of every piece, of the input's first, of none.
enum class PrependScheme { kAlways, kFirst, kNever };

/// What a Metaspace component says, as pre-tokenizer and as decoder.
struct MetaspaceFields {
  std::string replacement;  ///< one character, for a space
  PrependScheme scheme = PrependScheme::kAlways;
  bool split = true;
  /// Reads the older spelling too, where `add_prefix_space` stood for the scheme.
  static Result<MetaspaceFields> parse(const Fields& component);
};

class PreTokenizer {
 public:
  /// Of `tokenizer`'s field `pre_tokenizer`; none if that is null. kUnsupported names a kind that it does not know.
  static Result<PreTokenizer> parse(const Fields& tokenizer);

  /// Cuts each piece of `pieces`, and may respell the text. kTooLarge as Regex::spans, or past kMaxTextBytes.
  Result<void> apply(Pieces& pieces, MatchContext& context) const;

 private:
  struct Split {
    std::shared_ptr<const Regex> pattern;
    Behavior behavior;
    bool invert;
  };
  struct Characters {
    bool (*is_match)(char32_t);
    Behavior behavior;
  };
  struct ByteLevel {
    bool add_prefix_space;
    std::shared_ptr<const Regex> pattern;  // nullptr: the piece stays whole
  };
  struct Metaspace {
    MetaspaceFields fields;
    std::shared_ptr<const Regex> mark;  // matches the replacement
  };
  using Step = std::variant<Split, Characters, ByteLevel, Metaspace>;

  Result<void> add(const Fields& component);
  static Result<void> run(const Split& step, Pieces& pieces, MatchContext& context);
  static Result<void> run(const Characters& step, Pieces& pieces, MatchContext& context);
  static Result<void> run(const ByteLevel& step, Pieces& pieces, MatchContext& context);
  static Result<void> run(const Metaspace& step, Pieces& pieces, MatchContext& context);

  std::vector<Step> steps_;
};

}  // namespace troupe::model::tok
