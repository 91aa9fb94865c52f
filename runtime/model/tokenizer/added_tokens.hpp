// The `added_tokens` of a tokenizer file: spellings that are cut out of a text before anything else is done to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include "runtime/model/tokenizer/fields.hpp"
#include "runtime/model/tokenizer/flat_table.hpp"
#include "runtime/model/tokenizer/normalizer.hpp"
#include "runtime/model/tokenizer/trust.hpp"
#include "runtime/model/tokenizer/vocabulary.hpp"

namespace troupe::model::tok {

struct AddedToken {
  TokenId id = -1;
  std::string content;
  bool special = false;      ///< matched in trusted text only, and left out of a decoded text on demand
  bool normalized = false;   ///< matched in the normalized text, as the normalizer spells its content
  bool single_word = false;  ///< not where a word goes on before or behind it
  bool lstrip = false;       ///< takes the spaces before it
  bool rstrip = false;       ///< takes the spaces behind it
  std::string spelling;      ///< the content, or what the normalizer makes of it: what decoders are given
};

/// A stretch of a text: an added token (its index in AddedTokens::all), or what lies between them.
struct AddedSpan {
  static constexpr std::uint32_t kText = ~std::uint32_t{0};
  std::size_t begin = 0, end = 0;
  std::uint32_t token = kText;
};

/// Finds the leftmost, and there the longest, of a set of spellings.
class AddedTokenMatcher {
 public:
  void add(std::string_view spelling, std::uint32_t token);
  bool empty() const { return nodes_ == 1; }
  /// Cuts `text` (UTF-8) into spans that cover it; a special token only where `trust` covers all of its spelling.
  std::vector<AddedSpan> cut(std::string_view text, const Trust& trust, const std::vector<AddedToken>& all) const;

 private:
  struct Found {
    std::size_t length;
    std::uint32_t token;
  };
  void find_at(std::string_view text, std::size_t at, std::vector<Found>& found) const;

  // A tree of bytes: (node, byte) -> child, and which token a node completes.
  FlatTable<std::uint32_t> children_;
  FlatTable<std::uint32_t> completed_;
  std::uint32_t nodes_ = 1;
  bool starts_[256] = {};
};

class AddedTokens {
 public:
  /// Of `tokenizer`'s field `added_tokens`. kInvalidInput where ids disagree with `vocabulary`, or two tokens claim one
  /// id or one text.
  static Result<AddedTokens> parse(const Fields& tokenizer, const Vocabulary& vocabulary);
  /// To be called once the normalizer is there: how it spells the tokens that are matched behind it.
  Result<void> prepare(const Normalizer& normalizer);

  const std::vector<AddedToken>& all() const { return all_; }
  const AddedToken* find(TokenId id) const;
  std::optional<TokenId> find(std::string_view content) const;
  /// One more than the largest id.
  std::size_t id_bound() const { return id_bound_; }
  bool is_special(TokenId id) const;
  /// Those that are matched before the normalizer, and those matched behind it.
  const AddedTokenMatcher& raw() const { return raw_; }
  const AddedTokenMatcher& normalized() const { return normalized_; }
  bool any_normalized_special() const { return any_normalized_special_; }

 private:
  std::vector<AddedToken> all_;
  FlatTable<std::uint32_t> by_id_;  // to the place in all_
  Vocabulary contents_;             // likewise: its ids are places
  std::size_t id_bound_ = 0;
  AddedTokenMatcher raw_, normalized_;
  bool any_normalized_special_ = false;
};

}  // namespace troupe::model::tok
