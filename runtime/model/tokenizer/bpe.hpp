// Byte-pair encoding of one piece of text: its characters, then the merges in the order of their ranks.
//
// Promises O(n log n) of the piece's length: neighbours are linked, and candidate merges wait in a heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include "runtime/model/tokenizer/flat_table.hpp"
#include "runtime/model/tokenizer/vocabulary.hpp"

namespace troupe::model::tok {

struct BpeOptions {
  bool byte_fallback = false;  ///< a character without a token becomes its bytes' tokens, <0x00> to <0xFF>
  bool fuse_unk = false;       ///< neighbouring unknown characters become one unknown token
  bool ignore_merges = false;  ///< a piece that is a token is that token, whatever the merges say
  std::optional<std::string> unk_token;
};

/// Working memory of one encoding, kept from piece to piece.
struct BpeScratch {
  struct Symbol {
    TokenId id;
    std::uint32_t previous, next;  // kNone at the ends
    std::uint32_t rank;            // of the merge with `next`; kNone without one, kDead once merged away
    TokenId merged;                // what that merge gives
  };
  std::vector<Symbol> symbols;
  std::vector<std::uint64_t> heap;
  bool avoid_special = false;
};

class Bpe {
 public:
  /// The vocabulary must outlive it, and hold its tokens already.
  Bpe(const Vocabulary& vocabulary, BpeOptions options);

  void reserve_merges(std::size_t count) { merges_.reserve(count); }
  /// The merge of rank `rank`. Where a pair comes twice, the later rank holds, as in Hugging Face's reader. false:
  /// `left` followed by `right` is no token.
  bool add_merge(TokenId left, TokenId right, std::uint32_t rank);

  /// Declares a token of more than one character special; encode() tells what that means.
  void set_special(TokenId id);

  /// Appends the ids of `piece`, which must be UTF-8. With `avoid_special` no merge gives a special token: vocabularies
  /// that were converted from SentencePiece have merges that do. kInvalidInput: a character that is unknown, and no
  /// token for that.
  Result<void> encode(std::string_view piece, bool avoid_special, BpeScratch& scratch, std::vector<TokenId>& out) const;

 private:
  struct Merge {
    std::uint32_t rank = 0;
    TokenId id = -1;
  };
  static std::uint64_t key(TokenId left, TokenId right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
  }
  std::optional<TokenId> character_token(std::string_view character) const;
  Result<void> split(std::string_view piece, BpeScratch& scratch) const;
  bool is_special(TokenId id) const {
    return static_cast<std::size_t>(id) < special_.size() && special_[static_cast<std::size_t>(id)];
  }
  void look_up_merge(BpeScratch& scratch, std::uint32_t at) const;
  void merge_all(BpeScratch& scratch) const;

  const Vocabulary& vocabulary_;
  BpeOptions options_;
  std::optional<TokenId> unk_;
  FlatTable<Merge> merges_;
  std::array<TokenId, 0x800> short_characters_;  // those of one or two bytes; -1 without a token
  std::array<TokenId, 256> bytes_;               // <0x00> to <0xFF>; -1 without a token
  std::vector<bool> special_;
  std::string joined_;  // add_merge's
};

}  // namespace troupe::model::tok
