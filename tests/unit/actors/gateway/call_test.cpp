#include "actors/gateway/call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/actors/gateway/scripted_backend.hpp"

namespace troupe {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kChat = R"({"messages":[{"role":"user","content":"q"}],"max_tokens":9)";

std::string chat(const std::string& more = {}) { return std::string(kChat) + (more.empty() ? "" : "," + more) + "}"; }

bool ends_with_done(const std::string& stream) {
  return stream.size() >= 14 && stream.substr(stream.size() - 14) == "data: [DONE]\n\n";
}

TEST(CallActor, answers_whole_when_the_completion_has_ended) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat());
  ASSERT_EQ(world.started.size(), 1u);
  world.generate(0, "Hi");
  world.generate(0, "!", 2);
  EXPECT_EQ(client->status, 0);
  world.end(0, FinishReason::kStop, {}, TokenId{259});
  EXPECT_EQ(client->status, 200);
  const auto answer = Json::parse(client->body);
  EXPECT_EQ(answer["id"], "chatcmpl-req-1");
  EXPECT_EQ(answer["created"], 1700000001);
  EXPECT_EQ(answer["choices"][0]["message"]["content"], "Hi!");
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(answer["usage"]["completion_tokens"], 3);
  EXPECT_TRUE(client->dropped);
}

TEST(CallActor, asks_for_what_the_body_said) {
  CallWorld world;
  world.options->request_timeout = std::chrono::seconds(7);
  world.call(CallBody::kCompletion,
             R"({"prompt":[1,2,3],"max_tokens":5,"seed":42,"stop":["x"],"include_stop_str_in_output":true,
      "skip_special_tokens":false,"min_tokens":2,"temperature":0})");
  ASSERT_EQ(world.started.size(), 1u);
  const auto& spec = *world.started[0].spec;
  EXPECT_EQ(spec.name, "req-1");
  EXPECT_THAT(spec.prompt, ElementsAre(1, 2, 3));
  EXPECT_EQ(spec.max_tokens, 5);
  EXPECT_THAT(spec.stop, ElementsAre("x"));
  EXPECT_TRUE(spec.include_stop);
  EXPECT_FALSE(spec.skip_special_tokens);
  EXPECT_EQ(spec.sampling->seed, 42u);
  EXPECT_EQ(spec.sampling->min_tokens, 2);
  EXPECT_EQ(spec.sampling->params.temperature, 0.0f);
  EXPECT_THAT(spec.sampling->stop_tokens, ElementsAre(257, 259));
  EXPECT_EQ(spec.deadline, world.system().clock().now() + std::chrono::seconds(7));
}

TEST(CallActor, gives_choices_a_name_and_a_draw_of_their_own_and_prompts_the_same_seed) {
  CallWorld world;
  world.call(CallBody::kCompletion, R"({"prompt":["a","b"],"n":2,"seed":5})");
  ASSERT_EQ(world.started.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(world.started[i].spec->name, "req-1-" + std::to_string(i));
    EXPECT_EQ(world.started[i].spec->sampling->seed, 5u);
    EXPECT_EQ(world.started[i].spec->sampling->choice, i % 2);
    EXPECT_EQ(world.started[i].spec->prompt.back(), i < 2 ? 'a' : 'b');
  }
}

TEST(CallActor, draws_a_seed_for_each_prompt_of_a_call_without_one) {
  CallWorld world;
  world.call(CallBody::kCompletion, R"({"prompt":["a","a"]})");
  ASSERT_EQ(world.started.size(), 2u);
  EXPECT_NE(world.started[0].spec->sampling->seed, world.started[1].spec->sampling->seed);
}

TEST(CallActor, streams_pieces_as_they_come) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat(R"("stream":true)"));
  EXPECT_FALSE(client->began);
  world.generate(0, "Hi");
  EXPECT_TRUE(client->began);
  EXPECT_THAT(client->stream, HasSubstr(R"("delta":{"content":"Hi"})"));
  world.end(0, FinishReason::kLength);
  EXPECT_THAT(client->stream, HasSubstr(R"("finish_reason":"length")"));
  EXPECT_TRUE(ends_with_done(client->stream));
  EXPECT_TRUE(client->ended);
  EXPECT_FALSE(client->aborted);
  EXPECT_TRUE(client->dropped);
}

TEST(CallActor, keeps_the_choices_of_a_call_apart) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat(R"("n":2)"));
  ASSERT_EQ(world.started.size(), 2u);
  world.generate(1, "B");
  world.generate(0, "a");
  world.generate(1, "C", 1);
  world.end(1, FinishReason::kStop, {}, std::string("z"));
  EXPECT_EQ(client->status, 0);
  world.generate(0, "d", 1);
  world.end(0, FinishReason::kLength);
  const auto choices = Json::parse(client->body)["choices"];
  EXPECT_EQ(choices[0]["message"]["content"], "ad");
  EXPECT_EQ(choices[0]["finish_reason"], "length");
  EXPECT_EQ(choices[1]["message"]["content"], "BC");
  EXPECT_EQ(choices[1]["stop_reason"], "z");
}

TEST(CallActor, ends_a_stream_only_when_all_its_choices_have) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat(R"("n":2,"stream":true)"));
  world.generate(0, "a");
  world.end(0, FinishReason::kStop);
  EXPECT_FALSE(client->ended);
  world.generate(1, "b");
  world.end(1, FinishReason::kStop);
  EXPECT_TRUE(client->ended);
}

TEST(CallActor, cancels_every_completion_when_the_client_leaves) {
  for (const char* const stream : {"true", "false"}) {
    CallWorld world;
    const auto client = world.call(CallBody::kChat, chat(std::string(R"("n":2,"stream":)") + stream));
    world.generate(0, "a");
    ASSERT_TRUE(client->gone);
    client->gone();
    client->gone = nullptr;
    world.run();
    EXPECT_THAT(*world.cancelled, ElementsAre(world.started[0].spec->id, world.started[1].spec->id)) << stream;
    EXPECT_TRUE(client->dropped);
    EXPECT_EQ(client->status, 0);
    EXPECT_FALSE(client->ended);
  }
}

TEST(CallActor, stays_after_a_cancel_until_every_completion_has_ended) {
  CallWorld world;
  std::vector<FinishReason> ends;
  world.options->observer.request_ended = [&](const CompletionOutcome& outcome) { ends.push_back(outcome.reason); };
  const auto client = world.call(CallBody::kChat, chat(R"("n":2)"));
  client->gone();
  client->gone = nullptr;
  world.run();
  world.end(0, FinishReason::kCancelled);
  world.end(1, FinishReason::kStop);
  EXPECT_THAT(ends, ElementsAre(FinishReason::kCancelled, FinishReason::kStop));
}

TEST(CallActor, cancels_only_what_has_not_ended) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat(R"("n":2)"));
  world.end(0, FinishReason::kStop);
  client->gone();
  client->gone = nullptr;
  world.run();
  EXPECT_THAT(*world.cancelled, ElementsAre(world.started[1].spec->id));
}

TEST(CallActor, turns_an_error_before_the_first_token_into_a_status) {
  struct Row {
    ErrorCode code;
    int status;
    bool retry;
  };
  for (const auto& row : {Row{ErrorCode::kOverloaded, 429, true}, Row{ErrorCode::kUnavailable, 503, true},
                          Row{ErrorCode::kTooLarge, 400, false}, Row{ErrorCode::kDeadline, 408, false},
                          Row{ErrorCode::kInternal, 500, false}}) {
    CallWorld world;
    world.options->retry_after_s = 3;
    const auto client = world.call(CallBody::kChat, chat(R"("stream":true)"));
    world.end(0, FinishReason::kError, Error{row.code, "why"});
    EXPECT_EQ(client->status, row.status);
    EXPECT_FALSE(client->began);
    EXPECT_THAT(client->body, HasSubstr(R"("message":"why")"));
    ASSERT_EQ(client->headers.size(), row.retry ? 1u : 0u);
    if (row.retry) {
      EXPECT_EQ(client->headers[0].name + client->headers[0].value, "retry-after3");
    }
  }
}

TEST(CallActor, ends_a_stream_that_cannot_go_on_with_an_error_and_a_cut) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat(R"("stream":true)"));
  world.generate(0, "a");
  world.end(0, FinishReason::kError, Error{ErrorCode::kUnavailable, "lost"});
  EXPECT_THAT(client->stream, HasSubstr("data: {\"error\":{\"message\":\"lost\",\"type\":\"unavailable_error\""));
  EXPECT_FALSE(ends_with_done(client->stream));
  EXPECT_TRUE(client->aborted);
  EXPECT_FALSE(client->ended);
}

TEST(CallActor, fails_as_a_whole_when_one_choice_fails) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat(R"("n":2)"));
  world.generate(0, "a");
  world.end(1, FinishReason::kError, Error{ErrorCode::kInternal, "broken"});
  EXPECT_EQ(client->status, 500);
  EXPECT_THAT(*world.cancelled, ElementsAre(world.started[0].spec->id));
}

TEST(CallActor, tells_a_client_that_still_waits_when_the_server_gave_its_request_up) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat());
  world.end(0, FinishReason::kCancelled);
  EXPECT_EQ(client->status, 503);
}

TEST(CallActor, fails_when_the_actor_behind_a_completion_dies) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat());
  caf::anon_send_exit(world.worker, caf::exit_reason::kill);
  world.run();
  EXPECT_EQ(client->status, 500);
  EXPECT_TRUE(client->dropped);
}

TEST(CallActor, hears_an_end_that_was_said_just_before_the_actor_behind_it_left) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat());
  caf::anon_send(world.started[0].requester,
                 RequestEnded{world.started[0].spec->id, FinishReason::kStop, {}, {}, 0, 0});
  caf::anon_send_exit(world.worker, caf::exit_reason::kill);
  world.run();
  EXPECT_EQ(client->status, 200);
}

TEST(CallActor, refuses_a_bad_body_without_starting_anything) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat(R"("tools":[{}])"));
  EXPECT_EQ(client->status, 400);
  EXPECT_THAT(client->body, HasSubstr(R"("param":"tools","code":"unsupported_parameter")"));
  EXPECT_TRUE(world.started.empty());
  EXPECT_TRUE(client->dropped);
}

TEST(CallActor, passes_prompt_scores_on) {
  CallWorld world;
  const auto client = world.call(CallBody::kCompletion, R"({"prompt":[97,98],"prompt_logprobs":0})");
  EXPECT_EQ(world.started[0].spec->sampling->prompt_logprobs, 0);
  world.tell(0, PromptScored{world.started[0].spec->id, {{98, -1.5f, 2, {}}}});
  world.end(0, FinishReason::kLength);
  EXPECT_THAT(client->body,
              HasSubstr(R"("prompt_logprobs":[null,{"98":{"logprob":-1.5,"rank":2,"decoded_token":"b"}}])"));
}

TEST(CallActor, ignores_word_of_requests_that_are_not_its_own) {
  CallWorld world;
  const auto client = world.call(CallBody::kChat, chat());
  world.tell(0, RequestEnded{RequestId{99}, FinishReason::kStop, {}, {}, 0, 0});
  EXPECT_EQ(client->status, 0);
}

TEST(CallActor, measures_first_tokens_gaps_and_ends) {
  using std::chrono::milliseconds;
  CallWorld world;
  std::vector<std::string> seen;
  const auto ms = [](std::chrono::nanoseconds time) { return std::to_string(time / milliseconds(1)); };
  world.options->observer = {[&](std::int32_t tokens) { seen.push_back("start " + std::to_string(tokens)); },
                             [&](std::chrono::nanoseconds time) { seen.push_back("first " + ms(time)); },
                             [&](std::chrono::nanoseconds gap, std::int32_t tokens) {
                               seen.push_back("gap " + ms(gap) + " " + std::to_string(tokens));
                             },
                             [&](const CompletionOutcome& end) {
                               seen.push_back("end " + ms(end.total) + " " + ms(*end.to_first_token) + " " +
                                              std::to_string(end.generated_tokens));
                             }};
  world.call(CallBody::kCompletion, R"({"prompt":[1,2,3]})");
  world.scheduler().advance_time(milliseconds(30));
  world.generate(0, "a");
  world.scheduler().advance_time(milliseconds(5));
  world.generate(0, "bc", 1);
  world.scheduler().advance_time(milliseconds(1));
  world.end(0, FinishReason::kLength);
  EXPECT_THAT(seen, ElementsAre("start 3", "first 30", "gap 5 2", "end 36 30 3"));
}

}  // namespace
}  // namespace troupe
