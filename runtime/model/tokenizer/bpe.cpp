#include "runtime/model/tokenizer/bpe.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/utf8.hpp"

namespace troupe::model::tok {
namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};
constexpr std::uint32_t kDead = kNone - 1;

std::string byte_token(unsigned byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">";
}

}  // namespace

Bpe::Bpe(const Vocabulary& vocabulary, BpeOptions options) : vocabulary_(vocabulary), options_(std::move(options)) {
  if (options_.unk_token) unk_ = vocabulary_.find(*options_.unk_token);
  std::string text;
  for (char32_t code = 0; code < short_characters_.size(); ++code) {
    text.clear();
    append_utf8(text, code);
    short_characters_[code] = vocabulary_.find(text).value_or(-1);
  }
  for (unsigned byte = 0; byte < 256; ++byte) bytes_[byte] = vocabulary_.find(byte_token(byte)).value_or(-1);
}

bool Bpe::add_merge(TokenId left, TokenId right, std::uint32_t rank) {
  joined_.assign(vocabulary_.text(left));
  joined_.append(vocabulary_.text(right));
  const auto id = vocabulary_.find(joined_);
  if (!id) return false;
  merges_[key(left, right)] = {rank, *id};
  return true;
}

void Bpe::set_special(TokenId id) {
  const std::string_view text = vocabulary_.text(id);
  if (text.empty() || utf8_character_length(text, 0) == text.size()) return;
  if (static_cast<std::size_t>(id) >= special_.size()) special_.resize(static_cast<std::size_t>(id) + 1);
  special_[static_cast<std::size_t>(id)] = true;
}

std::optional<TokenId> Bpe::character_token(std::string_view character) const {
  TokenId id = -1;
  if (character.size() == 1) {
    id = short_characters_[static_cast<unsigned char>(character[0])];
  } else if (character.size() == 2) {
    id = short_characters_[((static_cast<unsigned char>(character[0]) & 0x1Fu) << 6) |
                           (static_cast<unsigned char>(character[1]) & 0x3Fu)];
  } else {
    return vocabulary_.find(character);
  }
  return id < 0 ? std::nullopt : std::optional<TokenId>(id);
}

// An unknown character waits until the next known one, and byte tokens overtake it: so does the library whose ids we
// promise.
Result<void> Bpe::split(std::string_view piece, BpeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  symbols.clear();
  const auto add = [&](TokenId id) { symbols.push_back({id, kNone, kNone, kNone, -1}); };
  bool unknown_waits = false;
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t length = utf8_character_length(piece, at);
    CHECK(length > 0, "a piece of text is not UTF-8 at byte", at);
    const std::string_view character = piece.substr(at, length);
    at += length;
    if (const auto id = character_token(character)) {
      if (unknown_waits) add(*unk_);
      unknown_waits = false;
      add(*id);
      continue;
    }
    if (options_.byte_fallback && std::all_of(character.begin(), character.end(), [&](char byte) {
          return bytes_[static_cast<unsigned char>(byte)] >= 0;
        })) {
      for (const char byte : character) add(bytes_[static_cast<unsigned char>(byte)]);
      continue;
    }
    if (!options_.unk_token) continue;
    if (!unk_) {
      return Error{ErrorCode::kInvalidInput, "the text has the character \"" + std::string(character) +
                                                 "\", which has no token, and the tokenizer's unknown token \"" +
                                                 *options_.unk_token +
                                                 "\" is not in its vocabulary; leave the character out"};
    }
    if (unknown_waits && !options_.fuse_unk) add(*unk_);
    unknown_waits = true;
  }
  if (unknown_waits) add(*unk_);
  return {};
}

void Bpe::look_up_merge(BpeScratch& scratch, std::uint32_t at) const {
  auto& symbol = scratch.symbols[at];
  symbol.rank = kNone;
  if (symbol.next == kNone) return;
  if (const Merge* merge = merges_.find(key(symbol.id, scratch.symbols[symbol.next].id))) {
    if (scratch.avoid_special && is_special(merge->id)) return;
    symbol.rank = merge->rank;
    symbol.merged = merge->id;
  }
}

// The heap holds (rank, place): the lowest rank first, and of equal ones the leftmost. An entry whose place has another
// rank by now is stale.
void Bpe::merge_all(BpeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  const auto count = static_cast<std::uint32_t>(symbols.size());
  heap.clear();
  const auto entry = [&](std::uint32_t at) { return (static_cast<std::uint64_t>(symbols[at].rank) << 32) | at; };
  for (std::uint32_t at = 0; at < count; ++at) {
    symbols[at].previous = at == 0 ? kNone : at - 1;
    symbols[at].next = at + 1 == count ? kNone : at + 1;
    look_up_merge(scratch, at);
    if (symbols[at].rank != kNone) heap.push_back(entry(at));
  }
  const std::greater<> least_first;
  std::make_heap(heap.begin(), heap.end(), least_first);
  const auto push = [&](std::uint32_t at) {
    look_up_merge(scratch, at);
    if (symbols[at].rank == kNone) return;
    heap.push_back(entry(at));
    std::push_heap(heap.begin(), heap.end(), least_first);
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), least_first);
    const std::uint64_t top = heap.back();
    heap.pop_back();
    const auto at = static_cast<std::uint32_t>(top);
    auto& left = symbols[at];
    if (left.rank != top >> 32) continue;
    auto& right = symbols[left.next];
    left.id = left.merged;
    left.next = right.next;
    right.rank = kDead;
    if (left.next != kNone) symbols[left.next].previous = at;
    push(at);
    if (left.previous != kNone) push(left.previous);
  }
}

Result<void> Bpe::encode(std::string_view piece, bool avoid_special, BpeScratch& scratch,
                         std::vector<TokenId>& out) const {
  if (piece.empty()) return {};
  scratch.avoid_special = avoid_special;
  if (options_.ignore_merges) {
    if (const auto id = vocabulary_.find(piece); id && !(avoid_special && is_special(*id))) {
      out.push_back(*id);
      return {};
    }
  }
  TRY_VOID(split(piece, scratch));
  if (scratch.symbols.size() > 1) merge_all(scratch);
  for (const auto& symbol : scratch.symbols) {
    if (symbol.rank != kDead) out.push_back(symbol.id);
  }
  return {};
}

}  // namespace troupe::model::tok
