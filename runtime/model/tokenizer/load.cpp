// Builds a tokenizer from what its file says.
#include <utility>

#include "runtime/base/file.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/model/tokenizer/impl.hpp"

namespace troupe::model {
namespace {

using namespace tok;

std::string quoted(std::string_view text) {
  std::string result(1, '"');
  result.append(replace_invalid_utf8(text.substr(0, 80))).append(1, '"');
  return result;
}

Result<BpeOptions> options_of(const Fields& model, const TokenizerFile& file) {
  if (model.find("type")) {
    TRY(type, model.text("type"));
    if (type != "BPE") return model.unsupported("model type", type, "BPE");
  }
  if (!file.has_vocabulary) return model.wrong("vocab", "an object of token texts and their ids");
  if (!file.has_merges) return model.wrong("merges", "an array of merges");
  if (const auto* dropout = model.find("dropout")) {
    if (!dropout->is_number()) return model.wrong("dropout", "a number");
    if (dropout->get<double>() != 0) {
      return model.unsupported("field", "dropout", "deterministic merges only; set model.dropout to null");
    }
  }
  for (const char* field : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model.find(field)) continue;
    TRY(text, model.text(field));
    if (!text.empty()) return model.unsupported("field", field, "vocabularies without one only");
  }
  BpeOptions options;
  TRY(byte_fallback, model.flag_or("byte_fallback", false));
  TRY(fuse_unk, model.flag_or("fuse_unk", false));
  TRY(ignore_merges, model.flag_or("ignore_merges", false));
  options.byte_fallback = byte_fallback;
  options.fuse_unk = fuse_unk;
  options.ignore_merges = ignore_merges;
  if (model.find("unk_token")) {
    TRY(unk, model.text("unk_token"));
    options.unk_token = unk;
  }
  return options;
}

}  // namespace

Result<void> TokenizerImpl::load_model(TokenizerFile& file, const Fields& root) {
  TRY(model, root.object("model"));
  TRY(options, options_of(model, file));
  vocabulary.reserve(file.vocabulary.size(), file.vocabulary.bytes.size());
  for (std::size_t i = 0; i < file.vocabulary.size(); ++i) {
    const auto id = static_cast<TokenId>(file.ids[i]);
    const auto added_now = vocabulary.add(file.vocabulary[i], id);
    if (added_now == Vocabulary::Added::kYes) continue;
    return Error{ErrorCode::kInvalidInput,
                 model.where("vocab") + ": " + quoted(file.vocabulary[i]) +
                     (added_now == Vocabulary::Added::kTextTaken
                          ? std::string(" stands there twice")
                          : " has the id " + std::to_string(id) + " of " + quoted(vocabulary.text(id))) +
                     "; texts and ids must differ"};
  }
  bpe.emplace(vocabulary, std::move(options));
  bpe->reserve_merges(file.merges.size() / 2);
  for (std::size_t i = 0; i + 1 < file.merges.size(); i += 2) {
    const std::string where = "merges[" + std::to_string(i / 2) + "]";
    TokenId sides[2];
    for (std::size_t side = 0; side < 2; ++side) {
      const auto id = vocabulary.find(file.merges[i + side]);
      if (!id) {
        return Error{ErrorCode::kInvalidInput,
                     model.where(where) + " names " + quoted(file.merges[i + side]) + ", which is not in model.vocab"};
      }
      sides[side] = *id;
    }
    if (!bpe->add_merge(sides[0], sides[1], static_cast<std::uint32_t>(i / 2))) {
      return Error{ErrorCode::kInvalidInput, model.where(where) + " joins " + quoted(file.merges[i]) + " and " +
                                                 quoted(file.merges[i + 1]) + " to a text that is not in model.vocab"};
    }
  }
  return {};
}

Result<void> TokenizerImpl::load(TokenizerFile& file, const std::string& name) {
  TRY(root, Fields::of(file.rest, name));
  TRY_VOID(load_model(file, root));
  TRY(parsed_added, AddedTokens::parse(root, vocabulary));
  added = std::move(parsed_added);
  TRY(parsed_normalizer, Normalizer::parse(root));
  normalizer = std::move(parsed_normalizer);
  TRY_VOID(added.prepare(normalizer));
  TRY(parsed_pre_tokenizer, PreTokenizer::parse(root));
  pre_tokenizer = std::move(parsed_pre_tokenizer);
  TRY(parsed_post_processor, PostProcessor::parse(root, id_bound()));
  post_processor = std::move(parsed_post_processor);
  TRY(parsed_decoder, Decoder::parse(root));
  decoder = std::move(parsed_decoder);
  for (const AddedToken& token : added.all()) {
    if (token.special) bpe->set_special(token.id);
  }
  return {};
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::parse(std::string_view json, const std::string& name) {
  TRY(file, read_tokenizer_file(json, name));
  auto impl = std::make_unique<TokenizerImpl>();
  TRY_VOID(impl->load(file, name));
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(impl)));
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::load(const std::filesystem::path& directory) {
  const std::string path = (directory / "tokenizer.json").string();
  TRY(json, read_file(path, kMaxFileBytes));
  return parse(json, path);
}

}  // namespace troupe::model
