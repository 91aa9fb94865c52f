#include "runtime/model/tokenizer/added_tokens.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/utf8.hpp"
#include "runtime/model/tokenizer/unicode.hpp"

namespace troupe::model::tok {
namespace {

// At each place of a text as many bytes are compared: the longest in use has 60 or so.
constexpr std::size_t kMaxContentBytes = 1024;

// Start of the last character of `text`, which is not empty.
std::size_t last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && is_word(character_at(text, last_character(text)).code);
}

bool starts_with_word(std::string_view text) { return !text.empty() && is_word(character_at(text, 0).code); }

// Where the spaces that end in front of `end` begin, but not before `floor`.
std::size_t spaces_before(std::string_view text, std::size_t floor, std::size_t end) {
  while (end > floor) {
    const std::size_t at = last_character(text.substr(0, end));
    if (at < floor || !is_whitespace(character_at(text, at).code)) break;
    end = at;
  }
  return end;
}

std::size_t spaces_behind(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const Character character = character_at(text, at);
    if (!is_whitespace(character.code)) break;
    at += character.length;
  }
  return at;
}

Error refused(const Fields& component, const AddedToken& token, const std::string& what) {
  return {ErrorCode::kInvalidInput, component.where() + ": the added token \"" +
                                        replace_invalid_utf8(token.content.substr(0, 80)) + "\" with id " +
                                        std::to_string(token.id) + " " + what};
}

}  // namespace

void AddedTokenMatcher::add(std::string_view spelling, std::uint32_t token) {
  if (spelling.empty()) return;
  starts_[static_cast<unsigned char>(spelling[0])] = true;
  std::uint32_t node = 0;
  for (const char c : spelling) {
    std::uint32_t& child = children_[(std::uint64_t{node} << 8) | static_cast<unsigned char>(c)];
    if (child == 0) child = nodes_++;
    node = child;
  }
  if (!completed_.find(node)) completed_[node] = token;
}

void AddedTokenMatcher::find_at(std::string_view text, std::size_t at, std::vector<Found>& found) const {
  found.clear();
  std::uint32_t node = 0;
  for (std::size_t n = 0; at + n < text.size(); ++n) {
    const auto* child = children_.find((std::uint64_t{node} << 8) | static_cast<unsigned char>(text[at + n]));
    if (!child) return;
    node = *child;
    if (const auto* token = completed_.find(node)) found.push_back({n + 1, *token});
  }
}

// A spelling that is not allowed where it stands is stepped over whole, as Hugging Face's matcher does, but never into
// trusted text: a user's text must not swallow the beginning of a special token that follows it.
std::vector<AddedSpan> AddedTokenMatcher::cut(std::string_view text, const Trust& trust,
                                              const std::vector<AddedToken>& all) const {
  std::vector<AddedSpan> spans;
  std::vector<Found> found;
  std::size_t covered = 0;
  for (std::size_t at = 0; !empty() && at < text.size();) {
    if (!starts_[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    find_at(text, at, found);
    std::size_t next = at + 1;
    for (auto candidate = found.rbegin(); candidate != found.rend(); ++candidate) {
      const AddedToken& token = all[candidate->token];
      const std::size_t stop = at + candidate->length;
      if (token.special && !trust.covers(at, stop)) {
        if (candidate == found.rbegin()) next = std::max(at + 1, std::min(stop, trust.next_trusted(at, stop)));
        continue;
      }
      next = stop;
      if (token.single_word && (ends_with_word(text.substr(0, at)) || starts_with_word(text.substr(stop)))) break;
      const std::size_t begin = token.lstrip ? spaces_before(text, covered, at) : std::max(at, covered);
      const std::size_t end = token.rstrip ? spaces_behind(text, stop) : stop;
      if (covered < begin) spans.push_back({covered, begin, AddedSpan::kText});
      spans.push_back({begin, end, candidate->token});
      covered = next = end;
      break;
    }
    at = next;
  }
  if (covered < text.size()) spans.push_back({covered, text.size(), AddedSpan::kText});
  return spans;
}

Result<AddedTokens> AddedTokens::parse(const Fields& tokenizer, const Vocabulary& vocabulary) {
  AddedTokens added;
  if (!tokenizer.find("added_tokens")) return added;
  TRY(components, tokenizer.objects("added_tokens", static_cast<std::size_t>(kMaxTokenId)));
  for (const Fields& component : components) {
    AddedToken token;
    TRY(id, component.number("id", kMaxTokenId - 1));
    TRY(content, component.text("content"));
    TRY(special, component.flag_or("special", false));
    TRY(normalized, component.flag_or("normalized", !special));
    TRY(single_word, component.flag_or("single_word", false));
    TRY(lstrip, component.flag_or("lstrip", false));
    TRY(rstrip, component.flag_or("rstrip", false));
    token = {static_cast<TokenId>(id), content, special, normalized, single_word, lstrip, rstrip, content};
    if (content.empty()) return refused(component, token, "is empty; take it out of added_tokens");
    if (content.size() > kMaxContentBytes) {
      return Error{ErrorCode::kTooLarge, component.where("content") + " has " + std::to_string(content.size()) +
                                             " bytes; the limit is " + std::to_string(kMaxContentBytes)};
    }
    const auto known = vocabulary.find(content);
    if (known && *known != token.id) {
      return refused(component, token,
                     "has the id " + std::to_string(*known) + " elsewhere in the file; the two must agree");
    }
    if (!known && vocabulary.has(token.id)) {
      return refused(component, token,
                     "takes the id of \"" + std::string(vocabulary.text(token.id)) + "\"; ids must differ");
    }
    const auto place = static_cast<std::uint32_t>(added.all_.size());
    if (added.by_id_.find(static_cast<std::uint64_t>(id)) ||
        added.contents_.add(content, static_cast<TokenId>(place)) != Vocabulary::Added::kYes) {
      return refused(component, token, "stands in added_tokens twice, or another has its id; take one out");
    }
    added.by_id_[static_cast<std::uint64_t>(id)] = place;
    added.id_bound_ = std::max(added.id_bound_, static_cast<std::size_t>(id) + 1);
    added.any_normalized_special_ |= token.special && token.normalized;
    added.all_.push_back(std::move(token));
  }
  return added;
}

Result<void> AddedTokens::prepare(const Normalizer& normalizer) {
  MatchContext context(0);
  for (std::uint32_t i = 0; i < all_.size(); ++i) {
    if (!all_[i].normalized) {
      raw_.add(all_[i].content, i);
      continue;
    }
    NormalText spelling{all_[i].content, "", true};
    TRY_VOID(normalizer.apply(spelling, context));
    if (spelling.text.size() > kMaxContentBytes) {
      return Error{ErrorCode::kTooLarge, "added_tokens: the normalizer makes one of them longer than " +
                                             std::to_string(kMaxContentBytes) + " bytes"};
    }
    normalized_.add(spelling.text, i);
    all_[i].spelling = std::move(spelling.text);
  }
  return {};
}

const AddedToken* AddedTokens::find(TokenId id) const {
  if (id < 0) return nullptr;
  const auto* place = by_id_.find(static_cast<std::uint64_t>(id));
  return place ? &all_[*place] : nullptr;
}

std::optional<TokenId> AddedTokens::find(std::string_view content) const {
  const auto place = contents_.find(content);
  return place ? std::optional<TokenId>(all_[static_cast<std::size_t>(*place)].id) : std::nullopt;
}

bool AddedTokens::is_special(TokenId id) const {
  const AddedToken* token = find(id);
  return token && token->special;
}

}  // namespace troupe::model::tok
