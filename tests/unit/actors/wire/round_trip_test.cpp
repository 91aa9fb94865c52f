#include <gtest/gtest.h>

#include <cstring>

#include "actors/wire/limits.hpp"
#include "runtime/base/utf8.hpp"
#include "tests/unit/actors/wire/samples.hpp"

namespace troupe::wire {
namespace {

/// What arrives of a message at a node whose clock says kNow too.
template <class T>
T sent(const T& message) {
  auto frame = decode(encode({1, message}, kNow), kNow);
  EXPECT_TRUE(frame.ok()) << (frame.ok() ? "" : frame.error().message);
  return frame.ok() ? std::get<T>(frame->message) : T{};
}

/// No field of the sample is its default, so that one which does not travel shows. Ids may be anything.
template <class T>
void expect_unusual(const T& sample, const T& plain) {
  const auto compare = [&]<std::size_t... i>(std::index_sequence<i...>) {
    const auto mine = fields(sample);
    const auto its = fields(plain);
    const auto one = [](bool same, std::size_t number) { EXPECT_FALSE(same) << "field " << number; };
    (one(std::get<i>(mine) == std::get<i>(its), i), ...);
  };
  compare(std::make_index_sequence<std::tuple_size_v<decltype(fields(sample))>>());
}

TEST(WireRoundTrip, every_message_arrives_as_it_was_sent) {
  const auto messages = samples();
  ASSERT_EQ(messages.size(), std::variant_size_v<Message>);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ASSERT_EQ(messages[i].index(), i);
    const Frame frame{0xfffffffffffffff0 + i, messages[i]};
    const auto arrived = decode(encode(frame, kNow), kNow);
    ASSERT_TRUE(arrived.ok()) << name_of(messages[i]) << ": " << arrived.error().message;
    EXPECT_TRUE(*arrived == frame) << name_of(messages[i]);
  }
}

TEST(WireRoundTrip, a_question_for_machines_arrives_without_a_placement_and_an_answer_with_a_refusal) {
  auto ask = sample_route_ask();
  ask.placed.reset();
  EXPECT_TRUE(sent(ask) == ask);
  const RouteAnswer refused{RequestId{1}, 2, {}, {}, Error{ErrorCode::kOverloaded, "Too many wait. ü"}};
  EXPECT_TRUE(sent(refused) == refused);
}

TEST(WireRoundTrip, the_samples_set_every_field) {
  expect_unusual(sample_hello(), {});
  expect_unusual(sample_machine_up(), {});
  expect_unusual(sample_order(), {});
  expect_unusual(sample_beat(), {});
  expect_unusual(sample_route_ask(), {});
  expect_unusual(*sample_route_ask().placed, {});
  expect_unusual(sample_decision(), {});
  expect_unusual(sample_beat().machines[0], {});
  expect_unusual(sample_produced(), {});
  expect_unusual(sample_produced().result, {});
  RequestSpec plain;
  plain.sampling = std::make_shared<const device::SamplingSpec>();
  auto spec = sample_spec();
  expect_unusual(*spec.sampling, *plain.sampling);
  expect_unusual(spec.sampling->params, plain.sampling->params);
  spec.deadline = kNow;  // the one field that does not travel
  expect_unusual(spec, plain);
  Admit admit;
  admit.spec = plain;
  expect_unusual(sample_admit(), admit);
  StartPrompt start;
  start.spec = plain;
  expect_unusual(sample_start_prompt(), start);
}

TEST(WireRoundTrip, messages_of_defaults_arrive_as_defaults) {
  EXPECT_TRUE(sent(Hello{}) == Hello{});
  EXPECT_TRUE(sent(MachineUp{}) == MachineUp{});
  EXPECT_TRUE(sent(Order{}) == Order{});
  EXPECT_TRUE(sent(Beat{}) == Beat{});
  EXPECT_TRUE(sent(Progress{{TokenProduced{}}}) == Progress{{TokenProduced{}}});
  EXPECT_TRUE(sent(Progress{}) == Progress{});
  EXPECT_TRUE(sent(BlocksReply{}) == BlocksReply{});
  EXPECT_TRUE(sent(ProbeReply{{}, {PathReport{}}}) == (ProbeReply{{}, {PathReport{}}}));
  Admit admit;
  admit.spec.prompt = {0};
  admit.spec.sampling = std::make_shared<const device::SamplingSpec>();
  EXPECT_TRUE(sent(admit) == admit);
}

TEST(WireRoundTrip, every_value_of_an_enumeration_travels) {
  for (const auto role : {policies::Role::kPrompt, policies::Role::kToken, policies::Role::kMixed}) {
    MachineUp up;
    up.role = role;
    up.home = role;
    EXPECT_EQ(sent(up).role, role);
    EXPECT_EQ(sent(up).home, role);
  }
  for (const auto dtype : {kernels::DType::kF32, kernels::DType::kF16, kernels::DType::kBf16}) {
    MachineUp up;
    up.dtype = static_cast<std::uint8_t>(dtype);
    EXPECT_EQ(sent(up).dtype, up.dtype);
  }
  for (int i = 0; i <= static_cast<int>(FinishReason::kError); ++i) {
    TokenProduced produced;
    produced.reason = static_cast<FinishReason>(i);
    EXPECT_EQ(std::get<TokenProduced>(sent(Progress{{produced}}).news[0]).reason, produced.reason);
  }
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    RequestFailed failed;
    failed.error.code = static_cast<ErrorCode>(i);
    EXPECT_EQ(std::get<RequestFailed>(sent(Progress{{failed}}).news[0]).error.code, failed.error.code);
  }
}

TEST(WireRoundTrip, times_arrive_on_the_receivers_clock) {
  constexpr TimePoint kThere{std::chrono::seconds(7)};
  const auto frame = decode(encode({1, Progress{{sample_produced()}}}, kNow), kThere);
  ASSERT_TRUE(frame.ok());
  const auto& arrived = std::get<TokenProduced>(std::get<Progress>(frame->message).news[0]);
  EXPECT_EQ(kThere - arrived.prompt_times->began, kNow - sample_produced().prompt_times->began);
}

TEST(WireRoundTrip, a_beginning_ahead_of_the_senders_clock_is_now) {
  auto produced = sample_produced();
  produced.prompt_times->began = kNow + std::chrono::nanoseconds(5);
  EXPECT_EQ(std::get<TokenProduced>(sent(Progress{{produced}}).news[0]).prompt_times->began, kNow);
}

TEST(WireRoundTrip, a_deadline_that_has_passed_is_due_at_once) {
  auto admit = sample_admit();
  admit.deadline_in_ns = -2;
  EXPECT_EQ(sent(admit).deadline_in_ns, 0);
  admit.deadline_in_ns = -1;
  EXPECT_EQ(sent(admit).deadline_in_ns, -1);
}

TEST(WireRoundTrip, sentences_for_people_are_cut_between_characters) {
  // 4095 bytes, then a character of two: cut before it.
  const auto refused = sent(Refused{std::string(kMostSentenceBytes - 1, 'x') + "äöü", false});
  EXPECT_EQ(refused.why, std::string(kMostSentenceBytes - 1, 'x'));
  EXPECT_EQ(sent(Refused{std::string(kMostSentenceBytes, 'x'), false}).why.size(), kMostSentenceBytes);
  const RequestFailed failed{RequestId{1}, 0, {ErrorCode::kInternal, std::string(100'000, '\xff')}};
  const auto message = std::get<RequestFailed>(sent(Progress{{failed}}).news[0]).error.message;
  EXPECT_TRUE(is_valid_utf8(message));
  EXPECT_EQ(message.size(), kMostSentenceBytes / 3 * 3);
}

TEST(WireRoundTrip, a_prompt_of_three_million_tokens_travels) {
  auto start = sample_start_prompt();
  start.spec.prompt.assign(3'000'000, 12345);
  start.generated.assign(4000, 1);
  EXPECT_TRUE(sent(start) == start);
}

TEST(WireRoundTrip, the_bytes_need_no_alignment) {
  const auto bytes = encode({1, sample_progress()}, kNow);
  for (std::size_t offset = 1; offset < 8; ++offset) {
    std::vector<char> shifted(offset + bytes.size());
    std::memcpy(shifted.data() + offset, bytes.data(), bytes.size());
    const auto frame = decode(std::span<const char>(shifted).subspan(offset), kNow);
    ASSERT_TRUE(frame.ok());
    EXPECT_TRUE(std::get<Progress>(frame->message) == sample_progress());
  }
}

TEST(WireRoundTrip, names_are_those_of_the_types) {
  EXPECT_STREQ(name_of(Hello{}), "Hello");
  EXPECT_STREQ(name_of(Refused{}), "Refused");
  EXPECT_STREQ(name_of(MachineUp{}), "MachineUp");
  EXPECT_STREQ(name_of(MachineDown{}), "MachineDown");
  EXPECT_STREQ(name_of(Beat{}), "Beat");
  EXPECT_STREQ(name_of(Admit{}), "Admit");
  EXPECT_STREQ(name_of(Cancel{}), "Cancel");
  EXPECT_STREQ(name_of(StartPrompt{}), "StartPrompt");
  EXPECT_STREQ(name_of(StopPrompt{}), "StopPrompt");
  EXPECT_STREQ(name_of(PromptStopped{}), "PromptStopped");
  EXPECT_STREQ(name_of(Progress{}), "Progress");
  EXPECT_STREQ(name_of(TraceQuery{}), "TraceQuery");
  EXPECT_STREQ(name_of(TraceReply{}), "TraceReply");
  EXPECT_STREQ(name_of(Order{}), "Order");
  EXPECT_STREQ(name_of(BlocksQuery{}), "BlocksQuery");
  EXPECT_STREQ(name_of(BlocksReply{}), "BlocksReply");
  EXPECT_STREQ(name_of(ProbeQuery{}), "ProbeQuery");
  EXPECT_STREQ(name_of(ProbeReply{}), "ProbeReply");
  EXPECT_STREQ(name_of(LinkWord{}), "LinkWord");
}

}  // namespace
}  // namespace troupe::wire
