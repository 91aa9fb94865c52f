#include "tools/hunt/clients.hpp"

#include <cstddef>
#include <utility>

#include "runtime/base/random.hpp"
#include "runtime/device/hash_device.hpp"

namespace troupe::hunt {

std::shared_ptr<const model::Tokenizer> letters() {
  std::string vocab;
  for (char c = 'a'; c <= 'z'; ++c)
    vocab += (c == 'a' ? "\"" : ",\"") + std::string(1, c) + "\":" + std::to_string(c - 'a');
  return model::Tokenizer::parse(
             R"({"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel",)"
             R"("add_prefix_space":false,"trim_offsets":true,"use_regex":false},"post_processor":null,)"
             R"("decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{)" +
                 vocab + R"(},"merges":[]}})",
             "letters")
      .value();
}

std::vector<TokenId> prompt_of(std::int32_t length, std::uint64_t salt) {
  std::vector<TokenId> tokens;
  RandomStream random(salt);
  for (std::int32_t i = 0; i < length; ++i) tokens.push_back(static_cast<TokenId>(random.below(kLetters)));
  return tokens;
}

std::vector<TokenId> expected(const RequestSpec& spec) {
  std::vector<TokenId> tokens = spec.prompt;
  for (std::int32_t i = 0; i < spec.max_tokens; ++i)
    tokens.push_back(device::HashDevice::next_token(tokens, *spec.sampling, kLetters));
  return {tokens.begin() + static_cast<std::ptrdiff_t>(spec.prompt.size()), tokens.end()};
}

RequesterActor::behavior_type Requester::make_behavior() {
  return {[this](TokensGenerated& news) {
            if (!answer_->ends.empty()) answer_->after_end += static_cast<std::int32_t>(news.tokens.size());
            answer_->contiguous &= news.first_index == static_cast<std::int32_t>(answer_->tokens.size());
            for (const auto& token : news.tokens) answer_->tokens.push_back(token.token);
            answer_->text += news.text;
            if (news.prompt_times) answer_->prompt_times.push_back(*news.prompt_times);
          },
          [](PromptScored&) {},
          [this](RequestEnded& ended) {
            answer_->ends.push_back(std::move(ended));
            answer_->ended_at.push_back(now());
          }};
}

}  // namespace troupe::hunt
