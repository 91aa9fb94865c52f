#include "runtime/model/tokenizer/tokenizer.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/utf8.hpp"
#include "runtime/model/tokenizer/impl.hpp"

namespace troupe::model {
namespace {

using namespace tok;

constexpr const char* kReplacement = "\xEF\xBF\xBD";

struct JoinedText {
  std::string text;
  Trust trust;
};

// How many bytes from `at`, where no character starts, one U+FFFD stands for: the longest beginning of a character, or
// one byte.
std::size_t ill_formed_length(std::string_view text, std::size_t at) {
  for (std::size_t n = std::min<std::size_t>(3, text.size() - at); n > 1; --n) {
    if (incomplete_utf8_suffix(text.substr(at, n)) == n) return n;
  }
  return 1;
}

// A character is trusted if all of its bytes are, and U+FFFD never.
JoinedText repaired(const JoinedText& joined) {
  JoinedText result;
  const std::string_view text = joined.text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_character_length(text, at);
    if (length == 0) {
      result.text += kReplacement;
      at += ill_formed_length(text, at);
      continue;
    }
    if (joined.trust.covers(at, at + length)) result.trust.add(result.text.size(), result.text.size() + length);
    result.text.append(text.substr(at, length));
    at += length;
  }
  return result;
}

Result<JoinedText> join(std::span<const TextPart> parts) {
  JoinedText joined;
  bool valid = true;
  for (const TextPart& part : parts) {
    if (part.text.size() > kMaxTextBytes - joined.text.size()) {
      return Error{ErrorCode::kTooLarge,
                   "the text has more than " + std::to_string(kMaxTextBytes) + " bytes; shorten it"};
    }
    const std::size_t begin = joined.text.size();
    joined.text.append(part.text);
    if (part.trusted) joined.trust.add(begin, joined.text.size());
    valid = valid && is_valid_utf8(part.text);
  }
  return valid ? std::move(joined) : repaired(joined);
}

}  // namespace

// What one encoding carries from piece to piece.
struct TokenizerImpl::Work {
  MatchContext context;
  BpeScratch scratch;
  std::vector<TokenId> ids;
  bool all_trusted;
};

Result<void> TokenizerImpl::encode_pieces(Pieces pieces, Work& work) const {
  TRY_VOID(pre_tokenizer.apply(pieces, work.context));
  for (const Piece& piece : pieces.list) {
    TRY_VOID(bpe->encode(pieces.view(piece), !work.all_trusted, work.scratch, work.ids));
  }
  return {};
}

Result<void> TokenizerImpl::encode_between(std::string_view text, bool starts_input, const Trust& trust,
                                           Work& work) const {
  NormalText normal{std::string(text), "", starts_input};
  const bool uniform = !trust.any() || trust.covers(0, text.size());
  if (added.any_normalized_special() && !uniform) normal.marks = trust.marks(text.size());
  TRY_VOID(normalizer.apply(normal, work.context));
  Trust normal_trust = Trust::of_marks(normal.marks);
  if (uniform && trust.any()) normal_trust.add(0, normal.text.size());
  for (const AddedSpan& span : added.normalized().cut(normal.text, normal_trust, added.all())) {
    if (span.token != AddedSpan::kText) {
      work.ids.push_back(added.all()[span.token].id);
      continue;
    }
    Pieces pieces{normal.text.substr(span.begin, span.end - span.begin), {}};
    pieces.list.push_back({0, pieces.text.size(), normal.starts_input && span.begin == 0});
    TRY_VOID(encode_pieces(std::move(pieces), work));
  }
  return {};
}

Result<std::vector<TokenId>> TokenizerImpl::encode(std::string_view text, const Trust& trust) const {
  Work work{MatchContext(text.size()), {}, {}, trust.covers(0, text.size())};
  for (const AddedSpan& span : added.raw().cut(text, trust, added.all())) {
    if (span.token != AddedSpan::kText) {
      work.ids.push_back(added.all()[span.token].id);
      continue;
    }
    TRY_VOID(encode_between(text.substr(span.begin, span.end - span.begin), span.begin == 0,
                            trust.within(span.begin, span.end), work));
  }
  return std::move(work.ids);
}

std::string_view TokenizerImpl::text_of(TokenId id) const {
  if (vocabulary.has(id)) return vocabulary.text(id);
  const AddedToken* token = added.find(id);
  return token ? std::string_view(token->content) : std::string_view();
}

std::string_view TokenizerImpl::decoded_text_of(TokenId id, bool skip_special) const {
  const AddedToken* token = added.find(id);
  if (!token) return vocabulary.has(id) ? vocabulary.text(id) : std::string_view();
  return skip_special && token->special ? std::string_view() : std::string_view(token->spelling);
}

Tokenizer::Tokenizer(std::unique_ptr<const TokenizerImpl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, SpecialTokens special, bool add_special) const {
  const TextPart part{text, special == SpecialTokens::kRecognised};
  return encode_parts({&part, 1}, add_special);
}

Result<std::vector<TokenId>> Tokenizer::encode_parts(std::span<const TextPart> parts, bool add_special) const {
  TRY(joined, join(parts));
  TRY(ids, impl_->encode(joined.text, joined.trust));
  if (!add_special) return std::move(ids);
  return impl_->post_processor.apply(std::move(ids));
}

std::string Tokenizer::decode(std::span<const TokenId> tokens, bool skip_special) const {
  DecodeState state = impl_->decoder.start();
  std::string out;
  for (const TokenId token : tokens) {
    const std::string_view text = impl_->decoded_text_of(token, skip_special);
    if (text.data() != nullptr) impl_->decoder.push(state, text, out);
  }
  impl_->decoder.finish(state, out);
  return out;
}

std::string Tokenizer::token_text(TokenId token) const { return std::string(impl_->text_of(token)); }

std::string Tokenizer::token_bytes(TokenId token) const {
  const std::string_view text = impl_->decoded_text_of(token, false);
  return text.empty() ? std::string() : impl_->decoder.bytes_of(text);
}

std::optional<TokenId> Tokenizer::id_of(std::string_view token_text) const {
  const auto id = impl_->vocabulary.find(token_text);
  return id ? id : impl_->added.find(token_text);
}

std::size_t Tokenizer::vocab_size() const { return impl_->id_bound(); }

bool Tokenizer::is_special(TokenId token) const { return impl_->added.is_special(token); }

struct StreamDetokenizer::State {
  DecodeState decode;
  std::string primed;  // the end of the prompt's text that has yet to come out, and will be dropped
};

StreamDetokenizer::StreamDetokenizer(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special)
    : tokenizer_(std::move(tokenizer)),
      skip_special_(skip_special),
      state_(std::make_unique<State>(State{tokenizer_->impl_->decoder.start(), ""})) {}
StreamDetokenizer::StreamDetokenizer(const StreamDetokenizer& other)
    : tokenizer_(other.tokenizer_),
      skip_special_(other.skip_special_),
      state_(std::make_unique<State>(*other.state_)) {}
StreamDetokenizer& StreamDetokenizer::operator=(const StreamDetokenizer& other) {
  return *this = StreamDetokenizer(other);
}
StreamDetokenizer::StreamDetokenizer(StreamDetokenizer&&) noexcept = default;
StreamDetokenizer& StreamDetokenizer::operator=(StreamDetokenizer&&) noexcept = default;
StreamDetokenizer::~StreamDetokenizer() = default;

void StreamDetokenizer::prime(std::span<const TokenId> prompt) {
  for (const TokenId token : prompt) (void)push(token);
  DecodeState ended = state_->decode;
  tokenizer_->impl_->decoder.finish(ended, state_->primed);
}

// Drops what the prompt's own text ended with. Where the tokens turned its end into another text (they completed a
// character, which alone was U+FFFD), nothing more is dropped.
std::string StreamDetokenizer::without_primed(std::string text) {
  std::string& primed = state_->primed;
  std::size_t same = 0;
  while (same < text.size() && same < primed.size()) {
    const std::size_t length = utf8_character_length(text, same);
    if (text.compare(same, length, primed, same, length) != 0) {
      primed.clear();
      return text.substr(same);
    }
    same += length;
  }
  primed.erase(0, same);
  text.erase(0, same);
  return text;
}

std::string StreamDetokenizer::push(TokenId token) {
  const TokenizerImpl& impl = *tokenizer_->impl_;
  const std::string_view text = impl.decoded_text_of(token, skip_special_);
  if (text.data() == nullptr) return {};
  std::string out;
  impl.decoder.push(state_->decode, text, out);
  return without_primed(std::move(out));
}

std::string StreamDetokenizer::finish() {
  std::string out;
  tokenizer_->impl_->decoder.finish(state_->decode, out);
  state_->decode = tokenizer_->impl_->decoder.start();
  return without_primed(std::move(out));
}

}  // namespace troupe::model
