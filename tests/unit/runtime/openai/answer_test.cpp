#include "runtime/openai/answer.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/utf8.hpp"
#include "tests/unit/runtime/openai/byte_model.hpp"

namespace troupe::openai {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

std::shared_ptr<const ServedModel> model() {
  static const auto kModel = std::make_shared<const ServedModel>(byte_model());
  return kModel;
}

std::shared_ptr<const AnswerContext> context(bool chat, const std::string& fields) {
  const std::string more = fields.empty() ? "" : "," + fields;
  auto call = chat ? parse_chat_call(R"({"messages":[{"role":"user","content":"q"}])" + more + "}", *model(), {})
                   : parse_completion_call(
                         R"({"add_special_tokens":false)" + more +
                             (fields.find("\"prompt\"") == std::string::npos ? R"(,"prompt":"ab")" : "") + "}",
                         *model(), {});
  CHECK(call.ok(), call.ok() ? "" : call.error().message);
  auto prompts = make_prompts(*call, *model(), {}, 0);
  CHECK(prompts.ok(), prompts.ok() ? "" : prompts.error().message);
  auto out = std::make_shared<AnswerContext>();
  out->id = "cmpl-7";
  out->created_unix_s = 1700000001;
  out->model = model();
  out->call = *call;
  out->prompts = *prompts;
  return out;
}

kernels::Sampled scored(TokenId token, float logprob, std::int32_t rank, std::vector<kernels::TokenLogprob> top) {
  return {token, logprob, rank, std::move(top)};
}

AnswerPiece text(const std::string& words) {
  AnswerPiece piece;
  piece.text = words;
  for (const auto id : bytes_of(words)) piece.tokens.push_back({id, {}});
  return piece;
}

/// The JSON of each event of a stream; [DONE] as that string.
std::vector<Json> events(const std::string& stream) {
  std::vector<Json> out;
  for (std::size_t at = 0; at < stream.size();) {
    const auto end = stream.find("\n\n", at);
    CHECK(end != std::string::npos && stream.compare(at, 6, "data: ") == 0, stream);
    const auto data = stream.substr(at + 6, end - at - 6);
    out.push_back(data == "[DONE]" ? Json(data) : Json::parse(data));
    at = end + 2;
  }
  return out;
}

/// In the order in which they stand, which operands of + need not be evaluated in.
std::string joined(std::initializer_list<std::string> parts) {
  std::string out;
  for (const auto& part : parts) out += part;
  return out;
}

TEST(WholeAnswer, of_a_chat_has_the_shape_that_clients_read) {
  const auto format = make_whole_format(context(true, ""));
  EXPECT_EQ(format->piece(0, text("He")), "");
  EXPECT_EQ(format->piece(0, text("llo")), "");
  EXPECT_EQ(format->end(0, {"stop", TokenId{259}}), "");
  EXPECT_EQ(Json::parse(format->finish()),
            Json::parse(R"({"id":"cmpl-7","object":"chat.completion","created":1700000001,"model":"bytes",
      "system_fingerprint":null,"choices":[{"index":0,"message":{"role":"assistant","content":"Hello","refusal":null},"logprobs":null,
      "finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25},"prompt_logprobs":null})"));
}

TEST(WholeAnswer, of_a_completion_has_the_shape_that_clients_read) {
  const auto format = make_whole_format(context(false, R"("n":2)"));
  format->piece(1, text("y"));
  format->piece(0, text("x"));
  format->end(1, {"length", {}});
  format->end(0, {"stop", std::string("z")});
  EXPECT_EQ(Json::parse(format->finish()),
            Json::parse(R"({"id":"cmpl-7","object":"text_completion","created":1700000001,"model":"bytes",
      "system_fingerprint":null,"choices":[
      {"index":0,"text":"x","logprobs":null,"finish_reason":"stop","stop_reason":"z","prompt_logprobs":null},
      {"index":1,"text":"y","logprobs":null,"finish_reason":"length","stop_reason":null,"prompt_logprobs":null}],
      "usage":{"prompt_tokens":2,"completion_tokens":2,"total_tokens":4}})"));
}

TEST(WholeAnswer, tells_a_stop_token_that_the_call_named_and_not_the_models_own) {
  const auto reason = [](TokenId token) {
    const auto format = make_whole_format(context(false, R"("stop_token_ids":[65])"));
    format->end(0, {"stop", token});
    return Json::parse(format->finish())["choices"][0]["stop_reason"];
  };
  EXPECT_EQ(reason(65), 65);
  EXPECT_EQ(reason(257), nullptr);
}

TEST(WholeAnswer, counts_the_prompt_once_for_n_choices_and_every_prompt_of_several) {
  const auto format = make_whole_format(context(false, R"("prompt":["abc","de"],"n":2)"));
  for (std::size_t choice = 0; choice < 4; ++choice) {
    format->piece(choice, text("x"));
    format->end(choice, {"length", {}});
  }
  const auto answer = Json::parse(format->finish());
  EXPECT_EQ(answer["usage"], Json::parse(R"({"prompt_tokens":5,"completion_tokens":4,"total_tokens":9})"));
  EXPECT_EQ(answer["choices"].size(), 4u);
}

TEST(WholeAnswer, shows_a_chats_logprobs_with_bytes_and_alternatives) {
  const auto format = make_whole_format(context(true, R"("logprobs":true,"top_logprobs":1)"));
  AnswerPiece piece;
  piece.text = "é";
  piece.tokens.push_back({0xC3, scored(0xC3, -0.5f, 1, {{0xC3, -0.5f}, {'x', -1.5f}})});
  piece.tokens.push_back({0xA9, scored(0xA9, -std::numeric_limits<float>::infinity(), 9, {{'y', -0.25f}})});
  format->piece(0, std::move(piece));
  format->end(0, {"length", {}});
  EXPECT_EQ(Json::parse(format->finish())["choices"][0]["logprobs"], Json::parse(R"({"content":[
      {"token":"\ufffd","logprob":-0.5,"bytes":[195],"top_logprobs":[{"token":"\ufffd","logprob":-0.5,"bytes":[195]}]},
      {"token":"\ufffd","logprob":-9999.0,"bytes":[169],"top_logprobs":[{"token":"y","logprob":-0.25,"bytes":[121]}]}],"refusal":null})"));
}

TEST(WholeAnswer, shows_a_completions_logprobs_in_four_lists) {
  const auto format = make_whole_format(context(false, R"("logprobs":1)"));
  AnswerPiece piece;
  piece.text = "éz";
  piece.tokens.push_back({0xC3, scored(0xC3, -0.5f, 1, {{0xC3, -0.5f}})});
  piece.tokens.push_back({0xA9, scored(0xA9, -0.75f, 1, {{0xA9, -0.75f}})});
  piece.tokens.push_back({'z', scored('z', -2.0f, 2, {{'y', -0.25f}})});
  format->piece(0, std::move(piece));
  format->end(0, {"length", {}});
  EXPECT_EQ(Json::parse(format->finish())["choices"][0]["logprobs"],
            Json::parse(R"({"text_offset":[0,1,1],"token_logprobs":[-0.5,-0.75,-2.0],
      "tokens":["\ufffd","\ufffd","z"],"top_logprobs":[{"\ufffd":-0.5},{"\ufffd":-0.75},{"y":-0.25,"z":-2.0}]})"));
}

TEST(WholeAnswer, echoes_the_prompt_with_its_logprobs) {
  const auto format = make_whole_format(context(false, R"("echo":true,"logprobs":0)"));
  format->prompt_scored(0, {scored('b', -1.0f, 3, {})});
  AnswerPiece piece;
  piece.text = "c";
  piece.tokens.push_back({'c', scored('c', -0.5f, 1, {})});
  format->piece(0, std::move(piece));
  format->end(0, {"length", {}});
  const auto choice = Json::parse(format->finish())["choices"][0];
  EXPECT_EQ(choice["text"], "abc");
  EXPECT_EQ(choice["logprobs"],
            Json::parse(R"({"text_offset":[0,1,2],"token_logprobs":[null,-1.0,-0.5],"tokens":["a","b","c"],
      "top_logprobs":[null,{"b":-1.0},{"c":-0.5}]})"));
}

TEST(WholeAnswer, shows_the_prompt_alone_where_nothing_was_to_be_generated) {
  const auto format = make_whole_format(context(false, R"("echo":true,"max_tokens":0,"logprobs":0)"));
  format->prompt_scored(0, {scored('b', -1.0f, 3, {})});
  format->piece(0, text("c"));
  format->end(0, {"length", {}});
  const auto answer = Json::parse(format->finish());
  EXPECT_EQ(answer["choices"][0]["text"], "ab");
  EXPECT_EQ(answer["choices"][0]["logprobs"]["tokens"], Json::parse(R"(["a","b"])"));
  EXPECT_EQ(answer["usage"]["completion_tokens"], 0);
}

TEST(WholeAnswer, reports_prompt_logprobs_as_vllm_does) {
  const auto format = make_whole_format(context(false, R"("prompt_logprobs":1)"));
  format->prompt_scored(0, {scored('b', -3.0f, 4, {{'x', -0.5f}})});
  format->end(0, {"length", {}});
  EXPECT_EQ(Json::parse(format->finish())["choices"][0]["prompt_logprobs"],
            Json::parse(R"([null,{"98":{"logprob":-3.0,"rank":4,"decoded_token":"b"},
      "120":{"logprob":-0.5,"rank":1,"decoded_token":"x"}}])"));
}

TEST(WholeAnswer, returns_token_ids_where_vllm_puts_them) {
  const auto completion = make_whole_format(context(false, R"("return_token_ids":true)"));
  completion->piece(0, text("xy"));
  completion->end(0, {"length", {}});
  const auto choice = Json::parse(completion->finish())["choices"][0];
  EXPECT_EQ(choice["token_ids"], Json(bytes_of("xy")));
  EXPECT_EQ(choice["prompt_token_ids"], Json(bytes_of("ab")));
  const auto chat = make_whole_format(context(true, R"("return_token_ids":true)"));
  chat->piece(0, text("xy"));
  chat->end(0, {"length", {}});
  const auto answer = Json::parse(chat->finish());
  EXPECT_EQ(answer["choices"][0]["token_ids"], Json(bytes_of("xy")));
  EXPECT_EQ(answer["prompt_token_ids"].size(), 20u);
}

TEST(WholeAnswer, writes_tokens_as_ids_where_asked) {
  const auto format = make_whole_format(context(false, R"("logprobs":0,"return_tokens_as_token_ids":true)"));
  AnswerPiece piece;
  piece.tokens.push_back({'c', scored('c', -0.5f, 1, {})});
  format->piece(0, std::move(piece));
  format->end(0, {"length", {}});
  EXPECT_EQ(Json::parse(format->finish())["choices"][0]["logprobs"]["tokens"], Json::parse(R"(["token_id:99"])"));
}

TEST(WholeAnswer, is_valid_utf8_whatever_the_text_holds) {
  const auto format = make_whole_format(context(true, ""));
  AnswerPiece piece;
  piece.text = "\xff\xc3";
  format->piece(0, std::move(piece));
  format->end(0, {"length", {}});
  EXPECT_TRUE(is_valid_utf8(format->finish()));
}

TEST(StreamedAnswer, of_a_chat_begins_with_the_role_and_ends_with_the_reason) {
  const auto format = make_stream_format(context(true, R"("stream":true)"));
  auto chunks = events(joined({format->piece(0, text("Hi")), format->piece(0, text("!")),
                               format->end(0, {"stop", TokenId{259}}), format->finish()}));
  ASSERT_EQ(chunks.size(), 5u);
  EXPECT_EQ(
      chunks[0],
      Json::parse(
          R"({"id":"cmpl-7","object":"chat.completion.chunk","created":1700000001,"model":"bytes","system_fingerprint":null,
      "choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null,"stop_reason":null}]})"));
  EXPECT_EQ(
      chunks[1]["choices"][0],
      Json::parse(R"({"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null,"stop_reason":null})"));
  EXPECT_EQ(chunks[2]["choices"][0]["delta"]["content"], "!");
  EXPECT_EQ(chunks[3]["choices"][0],
            Json::parse(R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop","stop_reason":null})"));
  EXPECT_EQ(chunks[4], "[DONE]");
}

TEST(StreamedAnswer, of_a_completion_has_text_in_every_chunk) {
  const auto format = make_stream_format(context(false, R"("stream":true)"));
  auto chunks = events(joined({format->piece(0, text("Hi")), format->end(0, {"length", {}}), format->finish()}));
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(
      chunks[0],
      Json::parse(
          R"({"id":"cmpl-7","object":"text_completion","created":1700000001,"model":"bytes","system_fingerprint":null,
      "choices":[{"index":0,"text":"Hi","logprobs":null,"finish_reason":null,"stop_reason":null}]})"));
  EXPECT_EQ(chunks[1]["choices"][0],
            Json::parse(R"({"index":0,"text":"","logprobs":null,"finish_reason":"length","stop_reason":null})"));
}

TEST(StreamedAnswer, gives_a_role_to_each_choice) {
  const auto format = make_stream_format(context(true, R"("stream":true,"n":2)"));
  auto chunks = events(joined({format->piece(1, text("b")), format->piece(0, text("a")), format->piece(1, text("c"))}));
  ASSERT_EQ(chunks.size(), 5u);
  EXPECT_EQ(chunks[0]["choices"][0]["index"], 1);
  EXPECT_EQ(chunks[0]["choices"][0]["delta"]["role"], "assistant");
  EXPECT_EQ(chunks[2]["choices"][0]["index"], 0);
  EXPECT_EQ(chunks[2]["choices"][0]["delta"]["role"], "assistant");
  EXPECT_EQ(chunks[4]["choices"][0]["delta"], Json::parse(R"({"content":"c"})"));
}

TEST(StreamedAnswer, says_nothing_for_tokens_whose_text_is_held_back) {
  const auto format = make_stream_format(context(true, R"("stream":true)"));
  AnswerPiece held;
  held.tokens.push_back({0xC3, {}});
  EXPECT_EQ(events(format->piece(0, held)).size(), 1u);  // the role
  EXPECT_EQ(format->piece(0, held), "");
}

TEST(StreamedAnswer, sends_usage_at_the_end_only_where_asked) {
  const auto format = make_stream_format(context(false, R"("stream":true,"stream_options":{"include_usage":true})"));
  auto chunks = events(joined({format->piece(0, text("Hi")), format->end(0, {"length", {}}), format->finish()}));
  ASSERT_EQ(chunks.size(), 4u);
  EXPECT_TRUE(chunks[0].contains("usage") && chunks[0]["usage"].is_null());
  EXPECT_EQ(chunks[2]["choices"], Json::array());
  EXPECT_EQ(chunks[2]["usage"], Json::parse(R"({"prompt_tokens":2,"completion_tokens":2,"total_tokens":4})"));
  EXPECT_EQ(chunks[2]["id"], "cmpl-7");
}

TEST(StreamedAnswer, sends_usage_in_every_chunk_where_asked) {
  const auto format =
      make_stream_format(context(false, R"("stream":true,"stream_options":{"continuous_usage_stats":true})"));
  auto chunks = events(joined(
      {format->piece(0, text("Hi")), format->piece(0, text("!")), format->end(0, {"length", {}}), format->finish()}));
  ASSERT_EQ(chunks.size(), 4u);
  EXPECT_EQ(chunks[0]["usage"]["completion_tokens"], 2);
  EXPECT_EQ(chunks[1]["usage"]["completion_tokens"], 3);
  EXPECT_EQ(chunks[2]["usage"]["total_tokens"], 5);
}

TEST(StreamedAnswer, echoes_the_prompt_first) {
  const auto format = make_stream_format(context(false, R"("stream":true,"echo":true,"logprobs":0)"));
  std::string out = format->prompt_scored(0, {scored('b', -1.0f, 3, {})});
  AnswerPiece piece;
  piece.text = "c";
  piece.tokens.push_back({'c', scored('c', -0.5f, 1, {})});
  out += format->piece(0, piece);
  auto chunks = events(out);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0]["choices"][0]["text"], "ab");
  EXPECT_EQ(chunks[0]["choices"][0]["logprobs"]["token_logprobs"], Json::parse("[null,-1.0]"));
  EXPECT_EQ(chunks[1]["choices"][0]["text"], "c");
  EXPECT_EQ(chunks[1]["choices"][0]["logprobs"]["text_offset"], Json::parse("[2]"));
}

TEST(StreamedAnswer, returns_token_ids_chunk_by_chunk) {
  const auto format = make_stream_format(context(true, R"("stream":true,"return_token_ids":true)"));
  auto chunks = events(joined({format->piece(0, text("Hi")), format->end(0, {"length", {}})}));
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0]["prompt_token_ids"].size(), 20u);
  EXPECT_FALSE(chunks[1].contains("prompt_token_ids"));
  EXPECT_EQ(chunks[1]["choices"][0]["token_ids"], Json(bytes_of("Hi")));
  EXPECT_EQ(chunks[2]["choices"][0]["token_ids"], Json::array());
}

TEST(ApiErrors, have_openais_body_with_nulls_for_what_is_not_said) {
  EXPECT_EQ(invalid("n", "bad").body(),
            R"({"error":{"message":"bad","type":"invalid_request_error","param":"n","code":"invalid_value"}})");
  EXPECT_EQ((ApiError{500, "oops \xff", {}, {}, {}}.body()),
            "{\"error\":{\"message\":\"oops \xEF\xBF\xBD\",\"type\":\"server_error\",\"param\":null,\"code\":null}}");
}

TEST(ApiErrors, follow_from_what_the_caller_can_do) {
  struct Row {
    ErrorCode code;
    int status;
    bool retry;
  };
  for (const auto& row : {Row{ErrorCode::kInvalidInput, 400, false}, Row{ErrorCode::kTooLarge, 400, false},
                          Row{ErrorCode::kUnsupported, 400, false}, Row{ErrorCode::kMissingInput, 404, false},
                          Row{ErrorCode::kDeadline, 408, false}, Row{ErrorCode::kOverloaded, 429, true},
                          Row{ErrorCode::kUnavailable, 503, true}, Row{ErrorCode::kCancelled, 503, true},
                          Row{ErrorCode::kInternal, 500, false}}) {
    const auto error = from_error({row.code, "why"}, 2);
    EXPECT_EQ(error.status, row.status) << to_string(row.code);
    EXPECT_EQ(error.retry_after_s.has_value(), row.retry) << to_string(row.code);
    EXPECT_EQ(error.message, "why");
  }
}

TEST(ApiErrors, in_a_stream_are_an_event) {
  EXPECT_THAT(error_event(invalid("n", "bad")), HasSubstr("data: {\"error\":{\"message\":\"bad\""));
}

}  // namespace
}  // namespace troupe::openai
