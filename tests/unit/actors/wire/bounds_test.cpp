#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "actors/wire/limits.hpp"
#include "tests/unit/actors/wire/samples.hpp"

namespace troupe::wire {
namespace {

using testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

void expect_taken(const Message& message, const std::string& why) {
  const auto frame = decode(encode({1, message}, kNow), kNow);
  EXPECT_TRUE(frame.ok()) << name_of(message) << ' ' << why << ": " << (frame.ok() ? "" : frame.error().message);
}

/// Refused, with a message that names the field.
void expect_refused(const Message& message, const std::string& field) {
  const auto frame = decode(encode({1, message}, kNow), kNow);
  ASSERT_FALSE(frame.ok()) << name_of(message) << ' ' << field;
  EXPECT_EQ(frame.error().code, ErrorCode::kInvalidInput) << field;
  EXPECT_THAT(frame.error().message, HasSubstr(std::string(name_of(message)) + ": " + field + ' '));
}

struct Limit {
  std::string field;
  std::size_t most;
  std::function<Message(std::size_t)> message;
};

void expect_limits(const std::vector<Limit>& limits) {
  for (const auto& limit : limits) {
    expect_taken(limit.message(limit.most), limit.field);
    expect_refused(limit.message(limit.most + 1), limit.field);
  }
}

Admit admit_with(const std::function<void(RequestSpec&, device::SamplingSpec&)>& change) {
  auto admit = sample_admit();
  auto sampling = *admit.spec.sampling;
  change(admit.spec, sampling);
  admit.spec.sampling = std::make_shared<const device::SamplingSpec>(std::move(sampling));
  return admit;
}

Progress produced_with(const std::function<void(TokenProduced&)>& change) {
  auto produced = sample_produced();
  change(produced);
  return {{produced}};
}

Message hello_with(const std::function<void(Hello&)>& change) {
  auto hello = sample_hello();
  change(hello);
  return hello;
}

Message machine_with(const std::function<void(MachineUp&)>& change) {
  auto up = sample_machine_up();
  change(up);
  return up;
}

Message beat_with(const std::function<void(MachineBeat&)>& change) {
  auto beat = sample_beat();
  change(beat.machines[1]);
  return beat;
}

TEST(WireBounds, names_and_addresses_are_bounded) {
  expect_limits({
      {"cluster", kMostNameBytes, [](auto n) { return hello_with([&](Hello& h) { h.cluster.assign(n, 'c'); }); }},
      {"name", kMostNameBytes, [](auto n) { return hello_with([&](Hello& h) { h.name.assign(n, 'n'); }); }},
      {"word", kMostLinkAddressBytes, [](auto n) { return LinkWord{std::string(static_cast<std::size_t>(n), 'x')}; }},
      {"link_address", kMostLinkAddressBytes,
       [](auto n) { return hello_with([&](Hello& h) { h.link_address.assign(n, '\0'); }); }},
      {"name", kMostNameBytes, [](auto n) { return machine_with([&](MachineUp& up) { up.name.assign(n, 'n'); }); }},
      {"model", kMostNameBytes, [](auto n) { return machine_with([&](MachineUp& up) { up.model.assign(n, 'm'); }); }},
  });
}

TEST(WireBounds, lists_of_a_request_are_bounded) {
  expect_limits({
      {"spec.stop", kMostStopStrings,
       [](auto n) { return admit_with([&](RequestSpec& spec, auto&) { spec.stop.assign(n, "x"); }); }},
      {"spec.stop[0].text", kMostStopStringBytes,
       [](auto n) { return admit_with([&](RequestSpec& spec, auto&) { spec.stop = {std::string(n, 'x')}; }); }},
      {"spec.sampling.logit_bias", kMostLogitBias,
       [](auto n) { return admit_with([&](auto&, auto& sampling) {
                      sampling.params.logit_bias.assign(n, {1, 1});
                    }); }},
      {"spec.sampling.stop_tokens", kMostStopTokens,
       [](auto n) { return admit_with([&](auto&, auto& sampling) { sampling.stop_tokens.assign(n, 1); }); }},
  });
}

TEST(WireBounds, lists_of_beats_and_progress_are_bounded) {
  expect_limits({
      {"leases", kMostLeasesShown,
       [](auto n) {
         BlocksReply reply;
         reply.what.leases.resize(n);
         return reply;
       }},
      {"paths", kMostPaths,
       [](auto n) {
         ProbeReply reply;
         reply.paths.resize(n);
         return reply;
       }},
      {"machines", kMostMachinesInBeat,
       [](auto n) {
         Beat beat;
         beat.machines.resize(n);
         return beat;
       }},
      {"links", kMostLinksInBeat,
       [](auto n) {
         Beat beat;
         beat.links.resize(n);
         return beat;
       }},
      {"news", kMostNews,
       [](auto n) {
         Progress progress;
         progress.news.assign(n, RequestReleased{});
         return progress;
       }},
      {"news[0].logprobs.top", kMostLogprobs,
       [](auto n) { return produced_with([&](TokenProduced& p) { p.result.logprobs->top.assign(n, {}); }); }},
      {"news[0].prompt_logprobs[1].top", kMostLogprobs,
       [](auto n) { return produced_with([&](TokenProduced& p) { p.result.prompt_logprobs[1].top.assign(n, {}); }); }},
  });
}

TEST(WireBounds, lists_and_scores_of_routing_are_bounded) {
  const auto answer = [](const std::function<void(policies::RoutingDecision&)>& change) {
    auto decision = sample_decision();
    change(decision);
    return RouteAnswer{{}, 0, {}, {}, decision};
  };
  expect_limits({
      {"avoid", kMostAvoided,
       [](auto n) {
         auto ask = sample_route_ask();
         ask.avoid.assign(n, MachineId{1});
         return ask;
       }},
      {"decision.prompt_candidates", kMostMachinesInBeat,
       [&](auto n) { return answer([&](auto& decision) { decision.prompt_candidates.resize(n); }); }},
      {"decision.token_candidates", kMostMachinesInBeat,
       [&](auto n) { return answer([&](auto& decision) { decision.token_candidates.resize(n); }); }},
  });
  expect_refused(answer([](auto& decision) { decision.token_candidates[0].score = kNan; }),
                 "decision.token_candidates");
  auto beat = sample_beat();
  beat.links[0].bytes_per_s = -1;
  expect_refused(beat, "links[0].bytes_per_s");
  auto ask = sample_route_ask();
  ask.prompt_tokens = -1;
  expect_refused(ask, "prompt_tokens");
}

TEST(WireBounds, numbers_are_bounded_from_above) {
  const auto number = [](auto n) { return static_cast<std::int32_t>(n); };
  expect_limits({
      {"attempt", kMostAttempts,
       [&](auto n) {
         return Cancel{{}, number(n), {}};
       }},
      {"attempt", kMostAttempts,
       [&](auto n) {
         return StopPrompt{{}, number(n), {}};
       }},
      {"attempt", kMostAttempts,
       [&](auto n) {
         return PromptStopped{{}, number(n), {}, false};
       }},
      {"news[0].attempt", kMostAttempts,
       [&](auto n) {
         return Progress{{RequestFailed{{}, number(n), {}}}};
       }},
      {"news[0].attempt", kMostAttempts,
       [&](auto n) {
         return Progress{{RequestReleased{{}, number(n), 0}}};
       }},
      {"news[0].attempt", kMostAttempts,
       [&](auto n) { return produced_with([&](TokenProduced& p) { p.attempt = number(n); }); }},
      {"news[0].index", kMostTokens,
       [&](auto n) { return produced_with([&](TokenProduced& p) { p.index = number(n); }); }},
      {"attempt", kMostAttempts,
       [&](auto n) {
         auto admit = sample_admit();
         admit.attempt = number(n);
         return admit;
       }},
      {"deadline_in_ns", kMostNanoseconds,
       [](auto n) {
         auto admit = sample_admit();
         admit.deadline_in_ns = static_cast<std::int64_t>(n);
         return admit;
       }},
      {"blocks", kMostTokens,
       [&](auto n) {
         auto start = sample_start_prompt();
         start.blocks = number(n);
         return start;
       }},
      {"spec.max_tokens", kMostTokens,
       [&](auto n) { return admit_with([&](RequestSpec& spec, auto&) { spec.max_tokens = number(n); }); }},
      {"spec.sampling.logprobs", kMostLogprobs,
       [&](auto n) { return admit_with([&](auto&, auto& sampling) { sampling.params.logprobs = number(n); }); }},
      {"spec.sampling.prompt_logprobs", kMostLogprobs,
       [&](auto n) { return admit_with([&](auto&, auto& sampling) { sampling.prompt_logprobs = number(n); }); }},
      {"layers", kMostLayers, [&](auto n) { return machine_with([&](MachineUp& up) { up.layers = number(n); }); }},
      {"kv_heads", kMostKvHeads, [&](auto n) { return machine_with([&](MachineUp& up) { up.kv_heads = number(n); }); }},
      {"head_dim", kMostHeadDim, [&](auto n) { return machine_with([&](MachineUp& up) { up.head_dim = number(n); }); }},
      {"blocks", std::numeric_limits<std::int32_t>::max(),
       [](auto n) { return machine_with([&](MachineUp& up) { up.blocks = static_cast<std::int64_t>(n); }); }},
  });
}

TEST(WireBounds, no_more_tokens_are_generated_than_asked_for) {
  auto admit = sample_admit();
  admit.spec.max_tokens = 3;
  expect_taken(admit, "as many as asked for");
  admit.spec.max_tokens = 2;
  expect_refused(admit, "generated");
}

TEST(WireBounds, counts_are_not_negative) {
  expect_refused(machine_with([](MachineUp& up) { up.layers = -1; }), "layers");
  expect_refused(machine_with([](MachineUp& up) { up.kv_heads = -1; }), "kv_heads");
  expect_refused(machine_with([](MachineUp& up) { up.head_dim = -1; }), "head_dim");
  expect_refused(machine_with([](MachineUp& up) { up.blocks = -1; }), "blocks");
  expect_refused(beat_with([](MachineBeat& beat) { beat.prompts.waiting = -1; }), "machines[1].prompts.waiting");
  expect_refused(beat_with([](MachineBeat& beat) { beat.prompts.running = -1; }), "machines[1].prompts.running");
  expect_refused(beat_with([](MachineBeat& beat) { beat.tokens.waiting_tokens = -1; }),
                 "machines[1].tokens.waiting_tokens");
  expect_refused(beat_with([](MachineBeat& beat) { beat.tokens.preemptions = -1; }), "machines[1].tokens.preemptions");
  expect_refused(beat_with([](MachineBeat& beat) { beat.blocks.leases = -1; }), "machines[1].blocks.leases");
  expect_refused(Cancel{{}, -1, {}}, "attempt");
  expect_refused(Progress{{RequestReleased{{}, 0, -1}}}, "news[0].preemptions");
  expect_refused(produced_with([](TokenProduced& p) { p.index = -1; }), "news[0].index");
  expect_refused(produced_with([](TokenProduced& p) { p.prompt_times->computing = std::chrono::nanoseconds::max(); }),
                 "news[0].prompt_times.computing_ns");
  expect_refused(admit_with([](auto&, auto& sampling) { sampling.min_tokens = -1; }), "spec.sampling.min_tokens");
  expect_refused(admit_with([](auto&, auto& sampling) { sampling.params.top_k = -1; }), "spec.sampling.top_k");
  expect_refused(admit_with([](auto&, auto& sampling) { sampling.params.logprobs = -2; }), "spec.sampling.logprobs");
  expect_refused(admit_with([](RequestSpec& spec, auto&) { spec.max_tokens = 0; }), "spec.max_tokens");
}

TEST(WireBounds, blocks_by_state_add_up) {
  expect_refused(beat_with([](MachineBeat& beat) { beat.blocks.total = 99; }), "machines[1].blocks.total");
  expect_refused(beat_with([](MachineBeat& beat) { beat.blocks.by_state = {101, -1}; }), "machines[1].blocks.by_state");
  constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
  expect_refused(beat_with([](MachineBeat& beat) {
                   beat.blocks = {{kMost, kMost, 2}, 0, 0};
                 }),
                 "machines[1].blocks.total");
}

TEST(WireBounds, token_ids_are_not_negative) {
  expect_refused(admit_with([](RequestSpec& spec, auto&) { spec.prompt[2] = -1; }), "spec.prompt");
  expect_refused(admit_with([](auto&, auto& sampling) { sampling.stop_tokens[1] = -5; }), "spec.sampling.stop_tokens");
  expect_refused(admit_with([](auto&, auto& sampling) { sampling.params.logit_bias[1].first = -1; }),
                 "spec.sampling.logit_bias[1].token");
  auto start = sample_start_prompt();
  start.generated = {1, std::numeric_limits<std::int32_t>::min()};
  expect_refused(start, "generated");
  expect_refused(produced_with([](TokenProduced& p) { p.result.token = -2; }), "news[0].token");
  expect_refused(produced_with([](TokenProduced& p) { p.result.logprobs->token = -2; }), "news[0].logprobs.token");
  expect_refused(produced_with([](TokenProduced& p) { p.result.logprobs->top[1].token = -1; }),
                 "news[0].logprobs.top[1].token");
}

TEST(WireBounds, a_prompt_is_not_empty) {
  expect_refused(admit_with([](RequestSpec& spec, auto&) { spec.prompt.clear(); }), "spec.prompt");
  auto start = sample_start_prompt();
  start.spec.prompt.clear();
  expect_refused(start, "spec.prompt");
}

TEST(WireBounds, a_stop_string_is_not_empty) {
  expect_refused(admit_with([](RequestSpec& spec, auto&) { spec.stop[1].clear(); }), "spec.stop[1].text");
}

TEST(WireBounds, texts_are_utf8) {
  for (const std::string bad : {"\xff", "\xc3", "\xed\xa0\x80"}) {
    expect_refused(hello_with([&](Hello& hello) { hello.cluster = bad; }), "cluster");
    expect_refused(hello_with([&](Hello& hello) { hello.name = bad; }), "name");
    expect_refused(machine_with([&](MachineUp& up) { up.model = bad; }), "model");
    expect_refused(admit_with([&](RequestSpec& spec, auto&) { spec.stop[2] += bad; }), "spec.stop[2].text");
  }
}

TEST(WireBounds, sampling_parameters_are_numbers_within_their_ranges) {
  using Field = float kernels::SamplingParams::*;
  using P = kernels::SamplingParams;
  const auto with = [](Field field, float value) {
    return admit_with([&](auto&, auto& sampling) { sampling.params.*field = value; });
  };
  struct Case {
    Field field;
    std::string name;
    std::vector<float> wrong;
    std::vector<float> right;
  };
  const std::vector<Case> cases = {
      {&P::temperature, "temperature", {-0.1f}, {0, 1000}},
      {&P::top_p, "top_p", {-0.1f, 1.1f}, {0, 1}},
      {&P::min_p, "min_p", {-0.1f, 1.1f}, {0, 1}},
      {&P::presence_penalty, "presence_penalty", {}, {-2, 2}},
      {&P::frequency_penalty, "frequency_penalty", {}, {-2, 2}},
      {&P::repetition_penalty, "repetition_penalty", {-1}, {0, 100}},
  };
  for (const auto& one : cases) {
    auto wrong = one.wrong;
    wrong.insert(wrong.end(), {kNan, kInfinity, -kInfinity});
    for (const auto value : wrong) expect_refused(with(one.field, value), "spec.sampling." + one.name);
    for (const auto value : one.right) expect_taken(with(one.field, value), one.name);
  }
  for (const auto value : {kNan, kInfinity, -kInfinity})
    expect_refused(admit_with([&](auto&, auto& sampling) { sampling.params.logit_bias[0].second = value; }),
                   "spec.sampling.logit_bias[0].bias");
}

TEST(WireBounds, logprobs_are_numbers_or_minus_infinity) {
  for (const auto value : {kNan, kInfinity}) {
    expect_refused(produced_with([&](TokenProduced& p) { p.result.logprobs->logprob = value; }),
                   "news[0].logprobs.logprob");
    expect_refused(produced_with([&](TokenProduced& p) { p.result.prompt_logprobs[1].top[0].logprob = value; }),
                   "news[0].prompt_logprobs[1].top[0].logprob");
  }
  expect_taken(produced_with([&](TokenProduced& p) { p.result.logprobs->logprob = -kInfinity; }), "ruled out");
}

}  // namespace
}  // namespace troupe::wire
