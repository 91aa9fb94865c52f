#include "runtime/openai/prompts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/openai/chat.hpp"
#include "runtime/openai/tokenize.hpp"
#include "tests/unit/runtime/openai/byte_model.hpp"

namespace troupe::openai {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ServedModel& model() {
  static const ServedModel kModel = byte_model();
  return kModel;
}

Outcome<std::vector<Prompt>> completion_prompts(const std::string& body, const ApiLimits& limits = {}) {
  auto call = parse_completion_call(body, model(), limits);
  CHECK(call.ok(), call.ok() ? "" : call.error().message);
  return make_prompts(*call, model(), limits, 0);
}

Outcome<std::vector<Prompt>> chat_prompts(const std::string& body) {
  auto call = parse_chat_call(body, model(), {});
  CHECK(call.ok(), call.ok() ? "" : call.error().message);
  return make_prompts(*call, model(), {}, 0);
}

/// The ids of ChatML text, special tokens among them.
std::vector<TokenId> chat_ml(const std::string& text) {
  auto ids = model().tokenizer->encode(text, model::SpecialTokens::kRecognised, false);
  return *ids;
}

TEST(Prompts, get_the_tokenizers_special_tokens_unless_told_otherwise) {
  EXPECT_THAT(completion_prompts(R"({"prompt":"hi"})")->at(0).tokens, ElementsAre(256, 'h', 'i'));
  EXPECT_THAT(completion_prompts(R"({"prompt":"hi","add_special_tokens":false})")->at(0).tokens, ElementsAre('h', 'i'));
  EXPECT_THAT(completion_prompts(R"({"prompt":[104,105]})")->at(0).tokens, ElementsAre('h', 'i'));
}

TEST(Prompts, of_completions_may_spell_special_tokens) {
  EXPECT_THAT(completion_prompts(R"({"prompt":"<|im_start|>x","add_special_tokens":false})")->at(0).tokens,
              ElementsAre(258, 'x'));
}

TEST(Prompts, of_chats_are_what_the_template_writes) {
  auto prompts = chat_prompts(R"({"messages":[{"role":"user","content":"hi"}]})");
  ASSERT_TRUE(prompts.ok()) << prompts.error().message;
  EXPECT_EQ(prompts->at(0).tokens, chat_ml("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"));
}

TEST(Prompts, never_hold_a_special_token_that_a_message_spelled) {
  auto prompts = chat_prompts(R"({"messages":[{"role":"user","content":"<|im_end|>"}],"add_generation_prompt":false})");
  ASSERT_TRUE(prompts.ok()) << prompts.error().message;
  const auto& tokens = prompts->at(0).tokens;
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), 259), 1);
  EXPECT_EQ(tokens.size(),
            std::string("user\n").size() + std::string("<|im_end|>").size() + std::string("\n").size() + 2);
}

TEST(Prompts, end_where_the_message_to_continue_ends) {
  auto prompts = chat_prompts(
      R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"Sure, "}],"continue_final_message":true})");
  ASSERT_TRUE(prompts.ok()) << prompts.error().message;
  EXPECT_EQ(prompts->at(0).tokens, chat_ml("<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\nSure, "));
}

TEST(Prompts, of_a_chat_may_be_answered_with_all_the_room_there_is) {
  auto prompts = chat_prompts(R"({"messages":[{"role":"user","content":"hi"}]})");
  ASSERT_TRUE(prompts.ok());
  EXPECT_EQ(prompts->at(0).max_tokens, 256 - static_cast<int>(prompts->at(0).tokens.size()));
}

TEST(Prompts, of_a_completion_are_answered_with_16_tokens_or_what_fits) {
  const auto length = [](int tokens) {
    return completion_prompts(nlohmann::json{{"prompt", std::vector<int>(static_cast<std::size_t>(tokens), 65)}}.dump())
        ->at(0)
        .max_tokens;
  };
  EXPECT_EQ(length(10), 16);
  EXPECT_EQ(length(240), 16);
  EXPECT_EQ(length(250), 6);
  EXPECT_EQ(length(255), 1);
}

TEST(Prompts, that_do_not_fit_the_context_are_refused_with_the_numbers) {
  const auto ask = [](int tokens, int max_tokens) {
    return completion_prompts(nlohmann::json{
        {"prompt", std::vector<int>(static_cast<std::size_t>(tokens), 65)},
        {"max_tokens",
         max_tokens}}.dump());
  };
  EXPECT_TRUE(ask(200, 56).ok());
  auto over = ask(200, 57);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, "context_length_exceeded");
  EXPECT_EQ(over.error().param, "max_tokens");
  EXPECT_THAT(over.error().message, HasSubstr("you requested 257 tokens (200 in the `prompt`, 57 in the completion)"));
  EXPECT_FALSE(ask(200, 2147483647).ok());
  auto full = ask(256, 1);
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().param, "prompt");
}

TEST(Prompts, past_the_servers_own_limit_are_refused) {
  ApiLimits limits;
  limits.prompt_tokens = 3;
  EXPECT_TRUE(completion_prompts(R"({"prompt":[1,2,3]})", limits).ok());
  EXPECT_EQ(completion_prompts(R"({"prompt":[1,2,3,4]})", limits).error().code, "context_length_exceeded");
}

TEST(Prompts, ask_for_no_more_than_the_server_generates) {
  ApiLimits limits;
  limits.completion_tokens = 3;
  EXPECT_EQ(completion_prompts(R"({"prompt":[1],"max_tokens":3})", limits)->at(0).max_tokens, 3);
  EXPECT_EQ(completion_prompts(R"({"prompt":[1]})", limits)->at(0).max_tokens, 3);
  EXPECT_EQ(completion_prompts(R"({"prompt":[1],"max_tokens":4})", limits).error().param, "max_tokens");
}

TEST(Prompts, without_tokens_are_refused) {
  auto prompts = completion_prompts(R"({"prompt":["x",""],"add_special_tokens":false})");
  ASSERT_FALSE(prompts.ok());
  EXPECT_EQ(prompts.error().param, "prompt");
}

TEST(Prompts, for_scoring_alone_run_for_one_token) {
  EXPECT_EQ(completion_prompts(R"({"prompt":"x","max_tokens":0,"echo":true})")->at(0).max_tokens, 1);
}

TEST(Prompts, of_ids_are_echoed_as_text) {
  EXPECT_EQ(completion_prompts(R"({"prompt":[104,105],"echo":true})")->at(0).text, "hi");
}

TEST(Prompts, of_a_chat_without_a_template_are_refused) {
  auto served = model();
  served.chat_template = nullptr;
  auto call = parse_chat_call(R"({"messages":[{"role":"user","content":"hi"}]})", served, {});
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(make_prompts(*call, served, {}, 0).error().code, "no_chat_template");
}

TEST(SamplingSpec, stops_at_the_models_ends_and_at_the_callers_tokens) {
  Generation generation;
  generation.stop_token_ids = {259, 65};
  EXPECT_THAT(sampling_spec(generation, model(), 1, 0)->stop_tokens, ElementsAre(65, 257, 259));
  generation.ignore_eos = true;
  EXPECT_THAT(sampling_spec(generation, model(), 1, 0)->stop_tokens, ElementsAre(65, 259));
}

TEST(Tokenize, answers_for_a_prompt_as_vllm_does) {
  auto answer = tokenize(R"({"model":"bytes","prompt":"hi"})", model(), {}, 0);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(*answer, R"({"count":3,"max_model_len":256,"tokens":[256,104,105],"token_strs":null})");
}

TEST(Tokenize, spells_tokens_where_asked_and_leaves_special_ones_out_where_asked) {
  auto answer = tokenize(R"({"prompt":"a b","add_special_tokens":false,"return_token_strs":true})", model(), {}, 0);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(*answer, R"({"count":3,"max_model_len":256,"tokens":[97,32,98],"token_strs":["a","Ġ","b"]})");
}

TEST(Tokenize, answers_for_messages) {
  auto answer =
      tokenize(R"({"messages":[{"role":"user","content":"hi"}],"add_generation_prompt":false})", model(), {}, 0);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(nlohmann::json::parse(*answer)["tokens"], nlohmann::json(chat_ml("<|im_start|>user\nhi<|im_end|>\n")));
}

TEST(Tokenize, refuses_what_is_neither_a_prompt_nor_messages) {
  EXPECT_EQ(tokenize("{}", model(), {}, 0).error().param, "prompt");
  EXPECT_EQ(tokenize(R"({"prompt":"x","messages":[{"role":"user","content":"x"}]})", model(), {}, 0).error().param,
            "prompt");
  EXPECT_EQ(tokenize(R"({"prompt":"x","wat":1})", model(), {}, 0).error().code, "unsupported_parameter");
}

TEST(Detokenize, gives_text_with_special_tokens_spelled_out) {
  EXPECT_EQ(*detokenize(R"({"tokens":[258,104,105]})", model(), {}), R"({"prompt":"<|im_start|>hi"})");
  EXPECT_EQ(*detokenize(R"({"tokens":[]})", model(), {}), R"({"prompt":""})");
  EXPECT_EQ(*detokenize(R"({"tokens":[255]})", model(), {}), "{\"prompt\":\"\xEF\xBF\xBD\"}");
}

TEST(Detokenize, refuses_ids_outside_the_vocabulary) {
  EXPECT_EQ(detokenize(R"({"tokens":[1,260]})", model(), {}).error().param, "tokens[1]");
  EXPECT_EQ(detokenize(R"({"tokens":"x"})", model(), {}).error().param, "tokens");
  EXPECT_EQ(detokenize(R"({})", model(), {}).error().param, "tokens");
}

TEST(Models, are_listed_under_every_name) {
  const auto list = nlohmann::json::parse(model_list(model()));
  EXPECT_EQ(list["object"], "list");
  ASSERT_EQ(list["data"].size(), 2u);
  EXPECT_EQ(list["data"][1]["id"], "test/bytes");
  EXPECT_EQ(list["data"][0]["created"], 1700000000);
  EXPECT_EQ(list["data"][0]["owned_by"], "troupe");
  EXPECT_EQ(list["data"][0]["max_model_len"], 256);
}

TEST(Models, are_found_by_name_or_404) {
  EXPECT_EQ(nlohmann::json::parse(*model_card(model(), "test/bytes"))["object"], "model");
  EXPECT_EQ(model_card(model(), "nope").error().status, 404);
}

}  // namespace
}  // namespace troupe::openai
