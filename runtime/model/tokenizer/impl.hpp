// A loaded tokenizer: its parts, in the order in which a text goes through them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/model/tokenizer/added_tokens.hpp"
#include "runtime/model/tokenizer/bpe.hpp"
#include "runtime/model/tokenizer/decoder.hpp"
#include "runtime/model/tokenizer/normalizer.hpp"
#include "runtime/model/tokenizer/post_processor.hpp"
#include "runtime/model/tokenizer/pre_tokenizer.hpp"
#include "runtime/model/tokenizer/tokenizer.hpp"
#include "runtime/model/tokenizer/tokenizer_file.hpp"
#include "runtime/model/tokenizer/trust.hpp"
#include "runtime/model/tokenizer/vocabulary.hpp"

namespace troupe::model {

struct TokenizerImpl {
  tok::Vocabulary vocabulary;  // the model's own; Bpe refers to it, so this object stays where it is
  tok::AddedTokens added;
  tok::Normalizer normalizer;
  tok::PreTokenizer pre_tokenizer;
  std::optional<tok::Bpe> bpe;
  tok::PostProcessor post_processor;
  tok::Decoder decoder;

  /// Fills an empty object.
  Result<void> load(tok::TokenizerFile& file, const std::string& name);

  /// The ids of `text` (UTF-8) without what the post-processor adds.
  Result<std::vector<TokenId>> encode(std::string_view text, const tok::Trust& trust) const;
  /// As the file spells it. Without data (not only empty) for an unknown id.
  std::string_view text_of(TokenId id) const;
  /// What the decoder is given for it. Without data for an unknown id, and for a special token if those are left out.
  std::string_view decoded_text_of(TokenId id, bool skip_special) const;
  std::size_t id_bound() const { return std::max(vocabulary.id_bound(), added.id_bound()); }

 private:
  struct Work;
  Result<void> load_model(tok::TokenizerFile& file, const tok::Fields& root);
  Result<void> encode_between(std::string_view text, bool starts_input, const tok::Trust& trust, Work& work) const;
  Result<void> encode_pieces(tok::Pieces pieces, Work& work) const;
};

}  // namespace troupe::model
