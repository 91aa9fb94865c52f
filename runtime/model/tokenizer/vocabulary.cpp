#include "runtime/model/tokenizer/vocabulary.hpp"

#include <cstring>

#include "runtime/base/check.hpp"
#include "runtime/base/random.hpp"

namespace troupe::model::tok {

// The seed is drawn for each vocabulary: a file's author cannot choose texts that collide.
Vocabulary::Vocabulary() : seed_(entropy64()) {}

std::uint64_t Vocabulary::hash(std::string_view text) const {
  std::uint64_t state = seed_ ^ text.size();
  std::uint64_t word = 0;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    state = mix64(state ^ word);
  }
  word = 0;
  if (at < text.size()) std::memcpy(&word, text.data() + at, text.size() - at);
  return mix64(state ^ word);
}

void Vocabulary::reserve(std::size_t tokens, std::size_t bytes) {
  bytes_.reserve(bytes);
  std::size_t slots = 16;
  while (slots < tokens * 2) slots *= 2;
  if (slots > slots_.size()) grow(slots);
}

void Vocabulary::grow(std::size_t slots) {
  slots_.assign(slots, Slot{});
  for (std::size_t id = 0; id < by_id_.size(); ++id) {
    if (!by_id_[id].present) continue;
    const std::uint64_t h = hash(text(static_cast<TokenId>(id)));
    std::size_t at = h & (slots - 1);
    while (slots_[at].id >= 0) at = (at + 1) & (slots - 1);
    slots_[at] = {static_cast<std::uint32_t>(h >> 32), static_cast<TokenId>(id)};
  }
}

Vocabulary::Added Vocabulary::add(std::string_view text, TokenId id) {
  CHECK(id >= 0 && id < kMaxTokenId, id);
  if (find(text)) return Added::kTextTaken;
  if (has(id)) return Added::kIdTaken;
  if ((count_ + 1) * 2 > slots_.size()) grow(slots_.empty() ? 16 : slots_.size() * 2);
  const auto index = static_cast<std::size_t>(id);
  if (index >= by_id_.size()) by_id_.resize(index + 1);
  by_id_[index] = {bytes_.size(), static_cast<std::uint32_t>(text.size()), true};
  bytes_.append(text);
  const std::uint64_t h = hash(text);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = h & mask;
  while (slots_[at].id >= 0) at = (at + 1) & mask;
  slots_[at] = {static_cast<std::uint32_t>(h >> 32), id};
  ++count_;
  return Added::kYes;
}

std::optional<TokenId> Vocabulary::find(std::string_view wanted) const {
  if (slots_.empty()) return std::nullopt;
  const std::uint64_t h = hash(wanted);
  const auto tag = static_cast<std::uint32_t>(h >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = h & mask; slots_[at].id >= 0; at = (at + 1) & mask) {
    if (slots_[at].tag == tag && text(slots_[at].id) == wanted) return slots_[at].id;
  }
  return std::nullopt;
}

std::string_view Vocabulary::text(TokenId id) const {
  if (!has(id)) return {};
  const Entry& entry = by_id_[static_cast<std::size_t>(id)];
  return std::string_view(bytes_).substr(entry.begin, entry.length);
}

}  // namespace troupe::model::tok
