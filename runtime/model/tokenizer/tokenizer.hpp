// A tokenizer as `tokenizer.json` describes it: text to token ids and back.
//
// Owns the vocabulary and its merges. Promises: the ids that Hugging Face `tokenizers` gives, for the component kinds
// that it knows; work within O(n log n) of the text. Refuses at load, by name, any component that it does not know.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::model {

/// Whether the spellings of special tokens in a text become those tokens, or are text like any other.
enum class SpecialTokens { kRecognised, kAsText };

/// A stretch of text; special tokens are recognised in trusted parts only.
struct TextPart {
  std::string_view text;
  bool trusted = false;
};

struct TokenizerImpl;

/// Immutable once loaded: any number of threads may use it at once.
class Tokenizer {
 public:
  /// Reads `directory`/tokenizer.json. kMissingInput, kInvalidInput (malformed; says where), kUnsupported (names the
  /// component), kTooLarge.
  static Result<std::shared_ptr<const Tokenizer>> load(const std::filesystem::path& directory);
  /// The same from the file's text; `name` stands in messages.
  static Result<std::shared_ptr<const Tokenizer>> parse(std::string_view json, const std::string& name);

  /// `text`: any bytes; what is not UTF-8 is read as U+FFFD. `add_special`: what the post-processor adds (BOS and the
  /// like).
  Result<std::vector<TokenId>> encode(std::string_view text, SpecialTokens special, bool add_special) const;
  /// The parts as one text, in which special tokens lie within trusted parts only.
  Result<std::vector<TokenId>> encode_parts(std::span<const TextPart> parts, bool add_special) const;

  /// The text of `tokens`; what is not UTF-8 comes out as U+FFFD. Unknown ids are left out.
  std::string decode(std::span<const TokenId> tokens, bool skip_special) const;

  /// As the vocabulary spells it ("Ġthe"); empty for an unknown id.
  std::string token_text(TokenId token) const;
  /// The bytes that the token stands for in the middle of a text: perhaps not UTF-8; empty for an unknown id.
  std::string token_bytes(TokenId token) const;
  std::optional<TokenId> id_of(std::string_view token_text) const;
  /// One more than the largest id, added tokens included.
  std::size_t vocab_size() const;
  /// Whether it is an added token marked special.
  bool is_special(TokenId token) const;

  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;
  ~Tokenizer();

 private:
  friend class StreamDetokenizer;
  explicit Tokenizer(std::unique_ptr<const TokenizerImpl> impl);
  std::unique_ptr<const TokenizerImpl> impl_;
};

/// Turns tokens into text as they come; never lets out part of a character. What push() and finish() return joins to
/// what decode() gives for prompt and tokens together, less what it gives for the prompt.
class StreamDetokenizer {
 public:
  StreamDetokenizer(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special);
  StreamDetokenizer(const StreamDetokenizer& other);
  StreamDetokenizer& operator=(const StreamDetokenizer& other);
  StreamDetokenizer(StreamDetokenizer&& other) noexcept;
  StreamDetokenizer& operator=(StreamDetokenizer&& other) noexcept;
  ~StreamDetokenizer();
  /// Tokens that stand before the first: they give no text, and decide how the first is spaced. At most once, before
  /// push().
  void prime(std::span<const TokenId> prompt);
  /// The text that became certain with `token`: valid UTF-8, perhaps empty.
  std::string push(TokenId token);
  /// What was held back; an incomplete character comes out as U+FFFD.
  std::string finish();

 private:
  struct State;
  std::string without_primed(std::string text);

  std::shared_ptr<const Tokenizer> tokenizer_;
  bool skip_special_;
  std::unique_ptr<State> state_;
};

}  // namespace troupe::model
