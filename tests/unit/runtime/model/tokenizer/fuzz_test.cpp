// Random bytes as text, and random damage to a tokenizer file: whatever comes, an answer and no crash.
#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/base/utf8.hpp"
#include "tests/unit/runtime/model/tokenizer/small_tokenizer.hpp"

namespace troupe::model {
namespace {

using nlohmann::json;

std::string random_bytes(RandomStream& random, std::size_t longest) {
  static const std::vector<std::string> kChunks = {"a",
                                                   "ab",
                                                   "abc",
                                                   " ",
                                                   "  ",
                                                   "▁",
                                                   "<s>",
                                                   "</s>",
                                                   "<x>",
                                                   "<",
                                                   "\xFF",
                                                   "\xE2\x96",
                                                   "é",
                                                   "\xCC\x81",
                                                   "\n",
                                                   "😀",
                                                   "1",
                                                   "d's",
                                                   std::string(1, '\0'),
                                                   "\xED\xA0\x80",
                                                   "٣",
                                                   "\u2028"};
  std::string text;
  for (std::size_t n = random.below(longest); n > 0; --n) {
    if (random.below(4) == 0) {
      text += static_cast<char>(random.below(256));
    } else {
      text += kChunks[random.below(kChunks.size())];
    }
  }
  return text;
}

// Everything one may ask of a tokenizer, and what always holds of the answers.
void exercise(const std::shared_ptr<const Tokenizer>& tokenizer, RandomStream& random) {
  const std::string first = random_bytes(random, 30), second = random_bytes(random, 30);
  const TextPart parts[] = {{first, random.below(2) == 0}, {second, random.below(2) == 0}};
  auto ids = tokenizer->encode_parts(parts, random.below(2) == 0);
  if (!ids.ok()) return;
  for (const TokenId id : *ids) EXPECT_LT(static_cast<std::size_t>(id), tokenizer->vocab_size());
  if (!parts[0].trusted && !parts[1].trusted) {
    const auto plain = tokenizer->encode(first, SpecialTokens::kAsText, false);
    ASSERT_TRUE(plain.ok());
    for (const TokenId id : *plain) {
      EXPECT_TRUE(!tokenizer->is_special(id) || tokenizer->token_text(id) == "<unk>") << tokenizer->token_text(id);
    }
  }
  for (std::size_t n = random.below(20); n > 0; --n) ids->push_back(static_cast<TokenId>(random.below(400)) - 5);
  StreamDetokenizer stream(tokenizer, true);
  std::string joined;
  for (const TokenId id : *ids) {
    const std::string piece = stream.push(id);
    EXPECT_TRUE(is_valid_utf8(piece));
    joined += piece;
    (void)tokenizer->token_bytes(id);
  }
  joined += stream.finish();
  EXPECT_EQ(joined, tokenizer->decode(*ids, true));
}

json component(RandomStream& random, const std::string& field) {
  const json pattern = random.below(2) == 0 ? json{{"String", " "}} : json{{"Regex", R"(\s+|(?<=a)b?|\p{M}*)"}};
  const std::vector<json> normalizers = {
      {{"type", "NFC"}},
      {{"type", "NFKD"}},
      {{"type", "Prepend"}, {"prepend", "▁"}},
      {{"type", "Replace"}, {"pattern", pattern}, {"content", random.below(2) ? "▁" : ""}},
      {{"type", "Lowercase"}},
      {{"type", "Strip"}},
      {{"type", "StripAccents"}}};
  const char* behaviors[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
  const std::vector<json> pre_tokenizers = {{{"type", "ByteLevel"}, {"use_regex", random.below(2) == 0}},
                                            {{"type", "Digits"}},
                                            {{"type", "Whitespace"}},
                                            {{"type", "WhitespaceSplit"}},
                                            {{"type", "Punctuation"}},
                                            {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}},
                                            {{"type", "Split"},
                                             {"pattern", pattern},
                                             {"behavior", behaviors[random.below(5)]},
                                             {"invert", random.below(2) == 0}}};
  const std::vector<json> decoders = {
      {{"type", "ByteLevel"}},
      {{"type", "ByteFallback"}},
      {{"type", "Fuse"}},
      {{"type", "Replace"}, {"pattern", pattern}, {"content", "ab"}},
      {{"type", "Strip"}, {"content", "a"}, {"start", random.below(3)}, {"stop", random.below(3)}},
      {{"type", "Metaspace"}, {"replacement", "▁"}}};
  const auto& kinds = field == "normalizers" ? normalizers : field == "pretokenizers" ? pre_tokenizers : decoders;
  json chain = json::array();
  for (std::size_t n = random.below(4); n > 0; --n) chain.push_back(kinds[random.below(kinds.size())]);
  return {{"type", "Sequence"}, {field, chain}};
}

TEST(TokenizerFuzz, random_bytes_through_random_components) {
  RandomStream random(20);
  for (int round = 0; round < 1500; ++round) {
    json file = small_tokenizer();
    file["normalizer"] = component(random, "normalizers");
    file["pre_tokenizer"] = component(random, "pretokenizers");
    file["decoder"] = component(random, "decoders");
    file["added_tokens"][3]["normalized"] = random.below(2) == 0;
    file["added_tokens"][2]["normalized"] = random.below(2) == 0;
    file["added_tokens"][2]["lstrip"] = random.below(2) == 0;
    file["added_tokens"][1]["rstrip"] = random.below(2) == 0;
    file["added_tokens"][3]["single_word"] = random.below(2) == 0;
    const auto tokenizer = parsed(file);
    ASSERT_NE(tokenizer, nullptr);
    for (int i = 0; i < 4; ++i) exercise(tokenizer, random);
  }
}

TEST(TokenizerFuzz, damaged_bytes_of_a_file) {
  RandomStream random(21);
  const std::string sound = small_tokenizer().dump();
  int loaded = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string file = sound;
    for (std::size_t n = 1 + random.below(3); n > 0; --n) {
      const std::size_t at = random.below(file.size());
      switch (random.below(4)) {
        case 0:
          file[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          file.erase(at, 1 + random.below(8));
          break;
        case 2:
          file.insert(at, sound, random.below(sound.size()), random.below(12));
          break;
        default:
          file[at] = R"("{}[]:,0123456789-)"[random.below(18)];
      }
    }
    const auto result = Tokenizer::parse(file, "tokenizer.json");
    if (!result.ok()) {
      EXPECT_FALSE(result.error().message.empty());
      EXPECT_TRUE(is_valid_utf8(result.error().message)) << result.error().message;
      continue;
    }
    ++loaded;
    exercise(*result, random);
  }
  EXPECT_GT(loaded, 0);
}

// Replaces one value somewhere in `node` by another of the file's or an odd one.
void damage(json& node, const json& whole, RandomStream& random) {
  static const std::vector<json> kOdd = {
      nullptr, true, -1, 0, 1e300, "", "<s>", "\xEF\xBF\xBD", json::array(), json::object(), 4'194'303, 1u << 31};
  if (node.is_structured() && !node.empty() && random.below(5) != 0) {
    auto child = node.begin();
    std::advance(child, random.below(node.size()));
    return damage(*child, whole, random);
  }
  auto donor = whole.begin();
  std::advance(donor, random.below(whole.size()));
  node = random.below(4) == 0 ? *donor : kOdd[random.below(kOdd.size())];
}

TEST(TokenizerFuzz, values_of_a_file_exchanged) {
  RandomStream random(22);
  const json sound = small_tokenizer();
  int loaded = 0, refused = 0;
  for (int round = 0; round < 3000; ++round) {
    json file = sound;
    damage(file, sound, random);
    const auto result = Tokenizer::parse(file.dump(), "tokenizer.json");
    (result.ok() ? loaded : refused)++;
    if (result.ok()) exercise(*result, random);
  }
  EXPECT_GT(loaded, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace troupe::model
