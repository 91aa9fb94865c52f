#include "runtime/openai/call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/openai/byte_model.hpp"

namespace troupe::openai {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const ServedModel& model() {
  static const ServedModel kModel = byte_model();
  return kModel;
}

Outcome<Call> completion(const std::string& fields) {
  return parse_completion_call(R"({"model":"bytes","prompt":"hi")" + (fields.empty() ? "" : "," + fields) + "}",
                               model(), {});
}

Outcome<Call> chat(const std::string& fields) {
  return parse_chat_call(
      R"({"model":"bytes","messages":[{"role":"user","content":"hi"}])" + (fields.empty() ? "" : "," + fields) + "}",
      model(), {});
}

struct Refused {
  const char* body;
  const char* param;
  const char* code;
  const char* message;  ///< a part of it
};

void expect_refused(const Outcome<Call>& outcome, const Refused& row) {
  ASSERT_FALSE(outcome.ok()) << row.body;
  EXPECT_EQ(outcome.error().status, 400) << row.body;
  EXPECT_EQ(outcome.error().param, row.param) << row.body << ": " << outcome.error().message;
  EXPECT_EQ(outcome.error().code, row.code) << row.body;
  EXPECT_THAT(outcome.error().message, HasSubstr(row.message)) << row.body;
}

TEST(CompletionCall, has_defaults_for_everything_but_the_prompt) {
  auto call = parse_completion_call(R"({"prompt":"hi"})", model(), {});
  ASSERT_TRUE(call.ok()) << call.error().message;
  EXPECT_EQ(call->model, "bytes");
  EXPECT_EQ(std::get<std::string>(call->prompts.at(0)), "hi");
  EXPECT_EQ(call->generation.n, 1);
  EXPECT_FALSE(call->generation.max_tokens);
  EXPECT_FALSE(call->generation.logprobs);
  EXPECT_EQ(call->generation.params.logprobs, -1);
  EXPECT_EQ(call->generation.params.temperature, 1.0f);
  EXPECT_TRUE(call->generation.skip_special_tokens);
  EXPECT_TRUE(call->add_special_tokens);
}

TEST(CompletionCall, reads_every_sampling_field) {
  auto call = completion(
      R"("n":3,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true},"max_tokens":40,"min_tokens":5,
      "temperature":0.5,"top_k":7,"top_p":0.9,"min_p":0.1,"presence_penalty":-1,"frequency_penalty":2,"repetition_penalty":1.5,
      "logit_bias":{"65":-100,"9":5.5},"seed":-3,"stop":["a","bc"],"stop_token_ids":[1,2],"ignore_eos":true,
      "include_stop_str_in_output":true,"skip_special_tokens":false,"logprobs":2,"echo":true,"return_token_ids":true,
      "return_tokens_as_token_ids":true,"add_special_tokens":false,"best_of":3)");
  ASSERT_TRUE(call.ok()) << call.error().message;
  const auto& g = call->generation;
  EXPECT_EQ(g.n, 3);
  EXPECT_TRUE(g.stream && g.include_usage && g.continuous_usage && g.ignore_eos && g.include_stop && g.echo &&
              g.return_token_ids && g.tokens_as_ids);
  EXPECT_FALSE(g.skip_special_tokens);
  EXPECT_FALSE(call->add_special_tokens);
  EXPECT_EQ(g.max_tokens, 40);
  EXPECT_EQ(g.min_tokens, 5);
  EXPECT_EQ(g.params.temperature, 0.5f);
  EXPECT_EQ(g.params.top_k, 7);
  EXPECT_EQ(g.params.top_p, 0.9f);
  EXPECT_EQ(g.params.min_p, 0.1f);
  EXPECT_EQ(g.params.presence_penalty, -1.0f);
  EXPECT_EQ(g.params.frequency_penalty, 2.0f);
  EXPECT_EQ(g.params.repetition_penalty, 1.5f);
  EXPECT_THAT(g.params.logit_bias, ElementsAre(Pair(9, 5.5f), Pair(65, -100.0f)));
  EXPECT_EQ(g.seed, static_cast<std::uint64_t>(-3));
  EXPECT_THAT(g.stop, ElementsAre("a", "bc"));
  EXPECT_THAT(g.stop_token_ids, ElementsAre(1, 2));
  EXPECT_EQ(g.logprobs, 2);
  EXPECT_EQ(g.params.logprobs, 2);
  EXPECT_EQ(g.prompt_alternatives(), 2);
}

TEST(CompletionCall, takes_prompts_in_all_four_shapes) {
  const auto prompts = [](const std::string& prompt) {
    return parse_completion_call("{\"prompt\":" + prompt + "}", model(), {});
  };
  auto texts = prompts(R"(["a","b"])");
  ASSERT_TRUE(texts.ok());
  EXPECT_EQ(std::get<std::string>(texts->prompts.at(1)), "b");
  auto ids = prompts("[1,259]");
  ASSERT_TRUE(ids.ok());
  ASSERT_EQ(ids->prompts.size(), 1u);
  EXPECT_THAT(std::get<std::vector<TokenId>>(ids->prompts[0]), ElementsAre(1, 259));
  auto lists = prompts("[[1],[2,3]]");
  ASSERT_TRUE(lists.ok());
  ASSERT_EQ(lists->prompts.size(), 2u);
  EXPECT_THAT(std::get<std::vector<TokenId>>(lists->prompts[1]), ElementsAre(2, 3));
}

TEST(CompletionCall, takes_as_many_prompts_as_it_may) {
  ApiLimits limits;
  limits.prompts = 2;
  EXPECT_TRUE(parse_completion_call(R"({"prompt":["a","b"]})", model(), limits).ok());
  EXPECT_EQ(parse_completion_call(R"({"prompt":["a","b","c"]})", model(), limits).error().param, "prompt");
}

TEST(CompletionCall, refuses_what_is_not_a_prompt) {
  for (const char* const prompt : {"5", "true", "{}", "[]", "[[]]", "[\"a\",1]", "[1,\"a\"]", "[[1],\"a\"]", "[1.5]",
                                   "[null]", "[260]", "[-1]", "[99999999999999999999]", "[[1],[260]]", "null"}) {
    const auto call = parse_completion_call(std::string("{\"prompt\":") + prompt + "}", model(), {});
    ASSERT_FALSE(call.ok()) << prompt;
    EXPECT_EQ(call.error().param, "prompt") << prompt;
  }
}

TEST(CompletionCall, refuses_values_outside_their_range_by_name) {
  const Refused rows[] = {
      {R"("temperature":2.1)", "temperature", "invalid_value", "from 0 to 2; got 2.1"},
      {R"("temperature":"hot")", "temperature", "invalid_value", "\"hot\""},
      {R"("top_p":0)", "top_p", "invalid_value", "above 0 and at most 1"},
      {R"("top_p":1.01)", "top_p", "invalid_value", "at most 1"},
      {R"("top_k":-2)", "top_k", "invalid_value", "from -1"},
      {R"("top_k":1.5)", "top_k", "invalid_value", "an integer"},
      {R"("min_p":-0.1)", "min_p", "invalid_value", "from 0 to 1"},
      {R"("presence_penalty":2.5)", "presence_penalty", "invalid_value", "from -2 to 2"},
      {R"("frequency_penalty":-2.5)", "frequency_penalty", "invalid_value", "from -2 to 2"},
      {R"("repetition_penalty":0)", "repetition_penalty", "invalid_value", "above 0"},
      {R"("n":0)", "n", "invalid_value", "from 1 to 128"},
      {R"("n":129)", "n", "invalid_value", "from 1 to 128"},
      {R"("max_tokens":0)", "max_tokens", "invalid_value", "from 1"},
      {R"("max_tokens":99999999999)", "max_tokens", "invalid_value", "99999999999"},
      {R"("max_tokens":18446744073709551615)", "max_tokens", "invalid_value", "18446744073709551615"},
      {R"("max_tokens":true)", "max_tokens", "invalid_value", "got true"},
      {R"("min_tokens":-1)", "min_tokens", "invalid_value", "from 0"},
      {R"("min_tokens":9,"max_tokens":8)", "min_tokens", "invalid_value", "`max_tokens` (8)"},
      {R"("logprobs":21)", "logprobs", "invalid_value", "from 0 to 20"},
      {R"("logprobs":true)", "logprobs", "invalid_value", "got true"},
      {R"("prompt_logprobs":-1)", "prompt_logprobs", "invalid_value", "from 0 to 20"},
      {R"("prompt_logprobs":1,"stream":true)", "prompt_logprobs", "invalid_value", "stream"},
      {R"("seed":9223372036854775808)", "seed", "invalid_value", "9223372036854775807"},
      {R"("stop":"")", "stop", "invalid_value", "0 bytes"},
      {R"("stop":[1])", "stop", "invalid_value", "got 1"},
      {R"("stop":{})", "stop", "invalid_value", "an object"},
      {R"("stop_token_ids":[260])", "stop_token_ids[0]", "invalid_value", "from 0 to 259"},
      {R"("stop_token_ids":7)", "stop_token_ids", "invalid_value", "an array"},
      {R"("logit_bias":{"260":1})", "logit_bias", "invalid_value", "from 0 to 259"},
      {R"("logit_bias":{"x":1})", "logit_bias", "invalid_value", "\"x\""},
      {R"("logit_bias":{"1":101})", "logit_bias", "invalid_value", "101"},
      {R"("logit_bias":{"1":null})", "logit_bias", "invalid_value", "null"},
      {R"("logit_bias":{"1":1,"01":2})", "logit_bias", "invalid_value", "twice"},
      {R"("logit_bias":[])", "logit_bias", "invalid_value", "an array"},
      {R"("stream":1)", "stream", "invalid_value", "true or false"},
      {R"("stream_options":{"include_usage":true})", "stream_options", "invalid_value", "`stream`"},
      {R"("stream":true,"stream_options":{"include_usage":1})", "stream_options.include_usage", "invalid_value",
       "true or false"},
      {R"("stream":true,"stream_options":{"x":1})", "stream_options.x", "unsupported_parameter", "not a parameter"},
      {R"("echo":"yes")", "echo", "invalid_value", "true or false"},
  };
  for (const auto& row : rows) expect_refused(completion(row.body), row);
}

TEST(CompletionCall, refuses_what_it_does_not_support_by_name) {
  for (const char* const field :
       {R"("suffix":"x")", R"("best_of":2)", R"("use_beam_search":true)", R"("response_format":{"type":"json_object"})",
        R"("guided_json":{})", R"("structured_outputs":{"regex":"a"})", R"("bad_words":["x"])",
        R"("allowed_token_ids":[1])", R"("truncate_prompt_tokens":5)", R"("priority":1)", R"("messages":[])",
        R"("tools":[{}])", R"("max_completion_tokens":3)"}) {
    const std::string text = field;
    const auto name = text.substr(1, text.find('"', 1) - 1);
    expect_refused(completion(field), {field, name.c_str(), "unsupported_parameter", name.c_str()});
  }
}

TEST(CompletionCall, guesses_what_an_unknown_field_was_meant_to_be) {
  expect_refused(completion(R"("temprature":1)"),
                 {"", "temprature", "unsupported_parameter", "did you mean \"temperature\"?"});
}

TEST(CompletionCall, reads_null_as_left_out) {
  auto call = completion(
      R"("n":null,"max_tokens":null,"temperature":null,"stop":null,"logit_bias":null,"suffix":null,"stream_options":null,"whatever":null)");
  ASSERT_TRUE(call.ok()) << call.error().message;
  EXPECT_EQ(call->generation.n, 1);
}

TEST(CompletionCall, ignores_the_vendors_bookkeeping) {
  EXPECT_TRUE(
      completion(R"("user":"u","metadata":{"a":"b"},"store":true,"service_tier":"auto","parallel_tool_calls":true)")
          .ok());
}

TEST(CompletionCall, takes_fields_that_say_the_default_of_an_unsupported_feature) {
  EXPECT_TRUE(
      completion(
          R"("best_of":1,"use_beam_search":false,"length_penalty":1.0,"bad_words":[],"response_format":{"type":"text"})")
          .ok());
}

TEST(CompletionCall, takes_defaults_from_the_models_own_generation_config) {
  auto served = model();
  served.default_sampling.temperature = 0.6f;
  served.default_sampling.top_k = 20;
  auto call = parse_completion_call(R"({"prompt":"x","top_k":-1})", served, {});
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(call->generation.params.temperature, 0.6f);
  EXPECT_EQ(call->generation.params.top_k, 0);
}

TEST(CompletionCall, samples_greedily_below_a_temperature_that_floats_cannot_divide_by) {
  EXPECT_EQ(completion(R"("temperature":0.000001)")->generation.params.temperature, 0.0f);
}

TEST(CompletionCall, bounds_stop_strings_prompts_and_choices) {
  const auto strings = [](std::size_t count, std::size_t bytes) {
    return R"("stop":)" + nlohmann::json(std::vector<std::string>(count, std::string(bytes, 'x'))).dump();
  };
  EXPECT_TRUE(completion(strings(16, 256)).ok());
  EXPECT_FALSE(completion(strings(17, 1)).ok());
  EXPECT_FALSE(completion(strings(1, 257)).ok());
  const auto prompts = [](int count, int n) {
    nlohmann::json body = {{"prompt", std::vector<std::string>(static_cast<std::size_t>(count), "x")}, {"n", n}};
    return parse_completion_call(body.dump(), model(), {});
  };
  EXPECT_TRUE(prompts(2, 128).ok());
  EXPECT_EQ(prompts(3, 128).error().param, "n");
  EXPECT_EQ(prompts(257, 1).error().param, "prompt");
}

TEST(CompletionCall, scores_a_prompt_alone_with_echo_and_no_tokens) {
  EXPECT_EQ(completion(R"("echo":true,"max_tokens":0,"logprobs":1)")->generation.max_tokens, 0);
}

TEST(Calls, answer_404_for_a_model_that_is_not_served) {
  const auto call = parse_chat_call(R"({"model":"byte","messages":[{"role":"user","content":"x"}]})", model(), {});
  ASSERT_FALSE(call.ok());
  EXPECT_EQ(call.error().status, 404);
  EXPECT_EQ(call.error().code, "model_not_found");
  EXPECT_THAT(call.error().message, HasSubstr("did you mean \"bytes\""));
}

TEST(Calls, answer_under_the_name_that_was_asked_for) {
  EXPECT_EQ(parse_completion_call(R"({"model":"test/bytes","prompt":"x"})", model(), {})->model, "test/bytes");
}

TEST(ChatCall, reads_messages_with_strings_and_text_parts) {
  auto call = parse_chat_call(
      R"({"messages":[{"role":"developer","content":"be kind"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],
      "name":"ann"},{"role":"assistant","content":"c","refusal":null,"tool_calls":null,"annotations":[],"audio":null}]})",
      model(), {});
  ASSERT_TRUE(call.ok()) << call.error().message;
  const auto& messages = std::get<Chat>(call->prompts.at(0)).messages;
  EXPECT_EQ(
      messages.dump(),
      R"([{"role":"system","content":"be kind"},{"role":"user","content":"a\nb","name":"ann"},{"role":"assistant","content":"c"}])");
}

TEST(ChatCall, refuses_malformed_messages_saying_where) {
  const auto messages = [](const std::string& list) {
    return parse_chat_call("{\"messages\":" + list + "}", model(), {});
  };
  const Refused rows[] = {
      {"null", "messages", "invalid_value", "missing"},
      {"[]", "messages", "invalid_value", "an array of 0"},
      {"\"hi\"", "messages", "invalid_value", "\"hi\""},
      {"[1]", "messages[0]", "invalid_value", "an object"},
      {R"([{"content":"x"}])", "messages[0].role", "invalid_value", "missing"},
      {R"([{"role":"usr","content":"x"}])", "messages[0].role", "invalid_value", "did you mean \"user\""},
      {R"([{"role":"user"}])", "messages[0].content", "invalid_value", "missing"},
      {R"([{"role":"user","content":"x"},{"role":"user","content":7}])", "messages[1].content", "invalid_value",
       "got 7"},
      {R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}])", "messages[0].content[0].type",
       "unsupported_parameter", "image_url"},
      {R"([{"role":"user","content":[{"type":"text"}]}])", "messages[0].content[0]", "invalid_value", "string `text`"},
      {R"([{"role":"user","content":["x"]}])", "messages[0].content[0]", "invalid_value", "\"x\""},
      {R"([{"role":"assistant","content":"x","tool_calls":[{"id":"1"}]}])", "messages[0].tool_calls",
       "unsupported_parameter", "tool_calls"},
      {R"([{"role":"user","content":"x","contents":"y"}])", "messages[0].contents", "unsupported_parameter",
       "did you mean"},
  };
  for (const auto& row : rows) expect_refused(messages(row.body), row);
}

TEST(ChatCall, refuses_what_it_does_not_support_by_name) {
  for (const char* const field :
       {R"("tools":[{"type":"function"}])", R"("tool_choice":"required")", R"("functions":[{}])",
        R"("function_call":"auto")", R"("response_format":{"type":"json_schema","json_schema":{}})", R"("audio":{})",
        R"("modalities":["audio"])", R"("web_search_options":{})", R"("reasoning_effort":"low")",
        R"("chat_template":"x")", R"("documents":[{}])", R"("echo":true)"}) {
    const std::string text = field;
    const auto name = text.substr(1, text.find('"', 1) - 1);
    expect_refused(chat(field), {field, name.c_str(), "unsupported_parameter", name.c_str()});
  }
  EXPECT_TRUE(chat(R"("tools":[],"tool_choice":"none","modalities":["text"],"response_format":{"type":"text"})").ok());
}

TEST(ChatCall, reads_logprobs_as_a_flag_with_a_count) {
  EXPECT_EQ(chat(R"("logprobs":true,"top_logprobs":5)")->generation.logprobs, 5);
  EXPECT_EQ(chat(R"("logprobs":true)")->generation.logprobs, 0);
  EXPECT_FALSE(chat(R"("logprobs":false,"top_logprobs":0)")->generation.logprobs);
  expect_refused(chat(R"("top_logprobs":5)"), {"", "top_logprobs", "invalid_value", "`logprobs`: true"});
  expect_refused(chat(R"("logprobs":3)"), {"", "logprobs", "invalid_value", "true or false"});
}

TEST(ChatCall, takes_max_tokens_under_both_names_but_not_two_numbers) {
  EXPECT_EQ(chat(R"("max_tokens":5)")->generation.max_tokens, 5);
  EXPECT_EQ(chat(R"("max_completion_tokens":6)")->generation.max_tokens, 6);
  EXPECT_EQ(chat(R"("max_completion_tokens":6,"max_tokens":6)")->generation.max_tokens, 6);
  EXPECT_EQ(chat(R"("max_completion_tokens":6,"max_tokens":5)").error().param, "max_tokens");
}

TEST(ChatCall, lets_a_call_set_known_template_variables_only) {
  auto call = chat(R"("chat_template_kwargs":{"enable_thinking":false})");
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(std::get<Chat>(call->prompts[0]).template_kwargs["enable_thinking"], false);
  for (const char* const name : {"bos_token", "messages", "additional_special_tokens", "anything"})
    EXPECT_EQ(chat(std::string(R"("chat_template_kwargs":{")") + name + "\":\"<s>\"}").error().code,
              "unsupported_parameter")
        << name;
  EXPECT_FALSE(chat(R"("chat_template_kwargs":{"enable_thinking":[1]})").ok());
}

TEST(ChatCall, continues_only_an_assistants_last_message) {
  const auto call = [](const std::string& last, const std::string& more) {
    return parse_chat_call(
        R"({"messages":[{"role":"user","content":"q"},)" + last + R"(],"continue_final_message":true)" + more + "}",
        model(), {});
  };
  auto good = call(R"({"role":"assistant","content":"Sure"})", "");
  ASSERT_TRUE(good.ok()) << good.error().message;
  EXPECT_FALSE(std::get<Chat>(good->prompts[0]).add_generation_prompt);
  EXPECT_FALSE(call(R"({"role":"assistant","content":"Sure"})", R"(,"add_generation_prompt":true)").ok());
  EXPECT_FALSE(call(R"({"role":"user","content":"Sure"})", "").ok());
  EXPECT_FALSE(call(R"({"role":"assistant","content":" \n"})", "").ok());
}

TEST(EitherCall, is_a_completion_where_it_has_a_prompt) {
  EXPECT_EQ(parse_either_call(R"({"prompt":"x"})", model(), {})->kind, CallKind::kCompletion);
  EXPECT_EQ(parse_either_call(R"({"messages":[{"role":"user","content":"x"}]})", model(), {})->kind, CallKind::kChat);
}

}  // namespace
}  // namespace troupe::openai
