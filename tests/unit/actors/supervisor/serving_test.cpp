// One machine under everything that a day brings: batches, chunks, preemption, aborts, faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/actors/supervisor/serving_fixture.hpp"

namespace troupe {
namespace {

using testing::ElementsAreArray;

void expect_whole(const Submitted& request) {
  ASSERT_EQ(request.answer->ends.size(), 1u);
  EXPECT_EQ(request.end().reason, FinishReason::kLength) << (request.end().error ? request.end().error->message : "");
  EXPECT_TRUE(request.answer->contiguous);
  EXPECT_THAT(request.answer->tokens, ElementsAreArray(Serving::expected(*request.spec)));
  EXPECT_EQ(request.end().generated_tokens, request.spec->max_tokens);
}

TEST(Serving, one_request_gets_its_tokens_and_their_text) {
  Serving serving;
  const auto request = serving.submit(Serving::spec(Serving::prompt(40, 1), 50));
  serving.system.run();
  expect_whole(request);
  std::string text;
  for (const TokenId token : request.answer->tokens) text += static_cast<char>('a' + token);
  EXPECT_EQ(request.answer->text, text);
  serving.expect_all_blocks_free();
}

TEST(Serving, the_router_learns_the_pace_of_tokens_from_requests_that_leave) {
  Serving serving;
  const auto load = [&] {
    caf::scoped_actor self{serving.system.actors()};
    auto asked = self->request(serving.router, caf::infinite, QueryLoad{});
    serving.system.settle();
    policies::MachineView view;
    asked.receive([&](const LoadSnapshot& s) { view = s.machines.at(0).view; },
                  [](caf::error&) { ADD_FAILURE() << "no answer"; });
    return view;
  };
  EXPECT_FALSE(load().pace);
  const auto request = serving.submit(Serving::spec(Serving::prompt(40, 1), 50));
  serving.system.run([&] { return !request.answer->tokens.empty(); });
  EXPECT_EQ(load().awaited, 0);
  serving.system.run();
  ASSERT_TRUE(load().pace);
  EXPECT_NEAR(load().pace->gap_s(1), 100e-6, 5e-6) << "what a step of the hash device takes";
}

TEST(Serving, a_single_token_needs_no_decode) {
  Serving serving;
  const auto request = serving.submit(Serving::spec(Serving::prompt(16, 1), 1));
  serving.system.run();
  expect_whole(request);
  serving.expect_all_blocks_free();
}

TEST(Serving, a_prompt_longer_than_the_batch_runs_in_chunks_to_the_same_tokens) {
  Serving serving({.max_batch_tokens = 64});
  const auto request = serving.submit(Serving::spec(Serving::prompt(700, 2), 20));
  serving.system.run();
  expect_whole(request);
}

TEST(Serving, the_first_token_tells_when_the_prompt_began_and_what_it_cost) {
  Serving serving({.max_batch_tokens = 64});
  const auto ahead = serving.submit(Serving::spec(Serving::prompt(64, 1), 1));
  const auto request = serving.submit(Serving::spec(Serving::prompt(700, 2), 20));
  const auto submitted = serving.system.now();
  serving.system.run();
  // A step costs 100 us: one goes to the prompt ahead, then 700 tokens take eleven chunks of 64.
  ASSERT_EQ(request.answer->prompt_times.size(), 1u);
  EXPECT_EQ(request.answer->prompt_times[0].began - submitted, std::chrono::microseconds{100});
  EXPECT_EQ(request.answer->prompt_times[0].computing, std::chrono::microseconds{1100});
}

TEST(Serving, sequences_join_and_leave_at_every_step) {
  int most = 0;
  ServingOptions options;
  options.device.blocks = 512;
  options.device.cost = [&most](const device::Step& step) {
    most = std::max(most, static_cast<int>(step.sequences.size()));
    return std::chrono::microseconds{100};
  };
  Serving serving(options);
  std::vector<Submitted> requests;
  for (std::uint64_t i = 0; i < 32; ++i) {
    requests.push_back(serving.submit(
        Serving::spec(Serving::prompt(10 + static_cast<std::int32_t>(i), i), 30 + static_cast<std::int32_t>(i))));
    serving.system.pass(std::chrono::microseconds{150});
  }
  serving.system.run();
  for (const auto& request : requests) expect_whole(request);
  EXPECT_GT(most, 10);
  serving.expect_all_blocks_free();
}

TEST(Serving, decodes_go_on_while_a_long_prompt_runs) {
  ServingOptions options;
  options.device.blocks = 512;
  options.prompt_tokens_beside_decodes = 64;
  std::int64_t most_prompt_tokens = 0;
  options.device.cost = [&](const device::Step& step) {
    std::int64_t prompts = 0;
    bool decodes = false;
    for (const auto& s : step.sequences)
      (s.tokens.size() > 1 ? (void)(prompts += std::int64_t(s.tokens.size())) : (void)(decodes = true));
    if (decodes) most_prompt_tokens = std::max(most_prompt_tokens, prompts);
    return std::chrono::microseconds{100};
  };
  Serving serving(options);
  const auto decoding = serving.submit(Serving::spec(Serving::prompt(10, 1), 200));
  serving.system.run([&] { return decoding.answer->tokens.size() >= 5; });
  const auto tokens_before = decoding.answer->tokens.size();
  const auto prompting = serving.submit(Serving::spec(Serving::prompt(2000, 2), 5));
  serving.system.run([&] { return !prompting.answer->tokens.empty(); });
  EXPECT_GE(decoding.answer->tokens.size(), tokens_before + 2000 / 64);
  EXPECT_LE(most_prompt_tokens, 64);
  serving.system.run();
  expect_whole(decoding);
  expect_whole(prompting);
}

TEST(Serving, when_memory_runs_out_the_newest_is_preempted_and_recomputed) {
  ServingOptions options;
  options.device.blocks = 8;  // 128 positions; the four want 4 x 80
  Serving serving(options);
  std::vector<Submitted> requests;
  for (std::uint64_t i = 0; i < 4; ++i) requests.push_back(serving.submit(Serving::spec(Serving::prompt(20, i), 60)));
  serving.system.run();
  for (const auto& request : requests) expect_whole(request);
  EXPECT_GT(serving.state().machines[0].tokens.preemptions, 0);
  serving.expect_all_blocks_free();
}

TEST(Serving, the_oldest_ends_first_when_all_want_the_same) {
  ServingOptions options;
  options.device.blocks = 8;
  Serving serving(options);
  const auto oldest = serving.submit(Serving::spec(Serving::prompt(20, 1), 60));
  serving.system.settle();
  const auto newer = serving.submit(Serving::spec(Serving::prompt(20, 2), 60));
  const auto newest = serving.submit(Serving::spec(Serving::prompt(20, 3), 60));
  ASSERT_TRUE(serving.system.run([&] { return oldest.ended(); }));
  EXPECT_FALSE(newest.ended());
  serving.system.run();
  expect_whole(newer);
  expect_whole(newest);
}

TEST(Serving, what_can_never_fit_is_refused_with_what_to_do) {
  ServingOptions options;
  options.device.blocks = 4;
  Serving serving(options);
  const auto request = serving.submit(Serving::spec(Serving::prompt(60, 1), 10));
  serving.system.run();
  ASSERT_TRUE(request.ended());
  EXPECT_EQ(request.end().error->code, ErrorCode::kTooLarge);
  EXPECT_NE(request.end().error->message.find("max_tokens"), std::string::npos);
}

TEST(Serving, exactly_what_fits_is_served) {
  ServingOptions options;
  options.device.blocks = 4;
  Serving serving(options);
  const auto request =
      serving.submit(Serving::spec(Serving::prompt(55, 1), 10));  // 64 positions: the last token is never run
  serving.system.run();
  expect_whole(request);
}

TEST(Serving, too_many_waiting_are_refused_as_overload) {
  Serving serving({.router_limits = {.max_waiting = 2}});
  std::vector<Submitted> requests;
  for (std::uint64_t i = 0; i < 5; ++i) requests.push_back(serving.submit(Serving::spec(Serving::prompt(20, i), 5)));
  serving.system.run();
  int refused = 0;
  for (const auto& request : requests) {
    ASSERT_TRUE(request.ended());
    if (request.end().reason == FinishReason::kError) {
      EXPECT_EQ(request.end().error->code, ErrorCode::kOverloaded);
      ++refused;
    }
  }
  EXPECT_EQ(refused, 3);
}

TEST(Serving, a_cancelled_request_stops_within_a_step_and_its_blocks_come_home) {
  Serving serving;
  const auto request = serving.submit(Serving::spec(Serving::prompt(20, 1), 500));
  serving.system.run([&] { return request.answer->tokens.size() >= 10; });
  caf::anon_send(request.actor, CancelCompletion{request.spec->id});
  const auto before = request.answer->tokens.size();
  serving.system.run();
  ASSERT_EQ(request.answer->ends.size(), 1u);
  EXPECT_EQ(request.end().reason, FinishReason::kCancelled);
  EXPECT_LE(request.answer->tokens.size(), before + 1);
  serving.expect_all_blocks_free();
}

TEST(Serving, a_requester_that_dies_cancels_its_request) {
  Serving serving;
  const auto request = serving.submit(Serving::spec(Serving::prompt(20, 1), 500));
  serving.system.run([&] { return request.answer->tokens.size() >= 10; });
  caf::anon_send_exit(request.requester, caf::exit_reason::user_shutdown);
  serving.system.run();
  EXPECT_LT(request.answer->tokens.size(), 20u);
  serving.expect_all_blocks_free();
}

TEST(Serving, a_deadline_ends_a_request_with_an_error) {
  ServingOptions options;
  options.device.cost = [](const device::Step&) { return std::chrono::milliseconds{10}; };
  Serving serving(options);
  auto spec = Serving::spec(Serving::prompt(20, 1), 900);
  spec->deadline = serving.system.now() + std::chrono::seconds{2};  // 900 steps take 9 s
  const auto request = serving.submit(spec);
  serving.system.run();
  ASSERT_EQ(request.answer->ends.size(), 1u);
  ASSERT_TRUE(request.end().error);
  EXPECT_EQ(request.end().error->code, ErrorCode::kDeadline);
  EXPECT_LE(serving.system.now() - spec->deadline, 2 * Deadlines::kTick);
  serving.expect_all_blocks_free();
}

TEST(Serving, a_stop_token_ends_the_text_before_it) {
  Serving serving;
  auto spec = Serving::spec(Serving::prompt(20, 1), 60);
  const auto expected = Serving::expected(*spec);
  auto sampling = std::make_shared<device::SamplingSpec>();
  sampling->stop_tokens = {expected[7]};
  spec->sampling = sampling;
  const auto first = std::find(expected.begin(), expected.end(), expected[7]) - expected.begin();
  const auto request = serving.submit(spec);
  serving.system.run();
  EXPECT_EQ(request.end().reason, FinishReason::kStop);
  EXPECT_EQ(std::get<TokenId>(request.end().stop_reason), expected[7]);
  EXPECT_EQ(request.answer->tokens.size(), static_cast<std::size_t>(first) + 1);
  EXPECT_EQ(request.answer->text.size(), static_cast<std::size_t>(first));
  serving.expect_all_blocks_free();
}

TEST(Serving, a_stop_string_ends_the_request_and_frees_its_blocks) {
  Serving serving;
  auto spec = Serving::spec(Serving::prompt(20, 1), 400);
  const auto expected = Serving::expected(*spec);
  std::string text;
  for (const TokenId token : expected) text += static_cast<char>('a' + token);
  spec->stop = {text.substr(30, 4)};
  const auto request = serving.submit(spec);
  serving.system.run();
  EXPECT_EQ(request.end().reason, FinishReason::kStop);
  EXPECT_EQ(std::get<std::string>(request.end().stop_reason), spec->stop[0]);
  EXPECT_EQ(request.answer->text, text.substr(0, text.find(spec->stop[0])));
  serving.expect_all_blocks_free();
}

TEST(Serving, a_fault_of_the_device_is_an_answer_and_the_machine_goes_on) {
  ServingOptions options;
  int steps = 0;
  options.device.fault = [&steps](const device::Step&) -> std::optional<Error> {
    if (++steps == 10) return Error{ErrorCode::kInternal, "the device hiccuped"};
    return std::nullopt;
  };
  Serving serving(options);
  const auto unlucky = serving.submit(Serving::spec(Serving::prompt(20, 1), 60));
  serving.system.run();
  ASSERT_EQ(unlucky.answer->ends.size(), 1u);
  EXPECT_EQ(unlucky.end().reason, FinishReason::kError);
  EXPECT_EQ(unlucky.end().error->message, "the device hiccuped");
  const auto next = serving.submit(Serving::spec(Serving::prompt(20, 2), 60));
  serving.system.run();
  expect_whole(next);
  serving.expect_all_blocks_free();
}

}  // namespace
}  // namespace troupe
