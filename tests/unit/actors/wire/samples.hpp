// A message of each kind with every field set to something that is not its default, and equality of all they consist
// of. The structured bindings count the fields: a new one does not compile until it is here.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "actors/wire/wire.hpp"
#include "kernels/core/dtype.hpp"

// FIELDS(Type, names...): fields(x) as a tuple of references, and == by it.
#define FIELDS(Type, ...)                 \
  inline auto fields(const Type& value) { \
    const auto& [__VA_ARGS__] = value;    \
    return std::tie(__VA_ARGS__);         \
  }                                       \
  inline bool operator==(const Type& one, const Type& other) { return fields(one) == fields(other); }

namespace troupe::kernels {
FIELDS(TokenLogprob, a, b)
FIELDS(Sampled, a, b, c, d)
FIELDS(SamplingParams, a, b, c, d, e, f, g, h, i)
}  // namespace troupe::kernels

namespace troupe::device {
FIELDS(SamplingSpec, a, b, c, d, e, f)
FIELDS(SequenceResult, a, b, c, d, e)
}  // namespace troupe::device

namespace troupe::trace {
inline auto fields(const Message& value) {
  const auto& [node, a, b, c, d, e, f, g] = value;  // who tells is known from the session
  return std::tie(a, b, c, d, e, f, g);
}
inline bool operator==(const Message& one, const Message& other) { return fields(one) == fields(other); }
}  // namespace troupe::trace

namespace troupe {

FIELDS(Error, a, b)
FIELDS(PromptTimes, a, b)
FIELDS(TokenProduced, a, b, c, d, e, f, g)
FIELDS(RequestFailed, a, b, c)
FIELDS(RequestReleased, a, b, c)
FIELDS(WorkState, a, b, c, d)
FIELDS(PoolState, a, b, c)
FIELDS(HeldBlocks, a, b, c, d, e, f)
FIELDS(MachineBlocks, a, b, c)
FIELDS(PathReport, a, b, c, d, e, f, g, h, i, j)

namespace policies {
FIELDS(Candidate, a, b)
FIELDS(RoutingDecision, a, b, c, d, e, f)
}  // namespace policies

inline auto fields(const RequestSpec& value) {
  const auto& [a, b, c, sampling, e, f, g, h, i, j] = value;
  return std::tie(a, b, c, *sampling, e, f, g, h, i, j);
}
inline bool operator==(const RequestSpec& one, const RequestSpec& other) { return fields(one) == fields(other); }

namespace wire {

FIELDS(Hello, a, b, c, d, e, f, g, h, i)
FIELDS(Refused, a, b)
FIELDS(LinkWord, a)
FIELDS(MachineUp, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
FIELDS(MachineDown, a)
FIELDS(MachineBeat, a, b, c, d)
FIELDS(LinkBeat, a, b, c)
FIELDS(Beat, a, b, c, d, e, f, g)
FIELDS(Admit, a, b, c, d, e, f)
FIELDS(Cancel, a, b, c)
FIELDS(StartPrompt, a, b, c, d, e, f, g, h, i)
FIELDS(StopPrompt, a, b, c)
FIELDS(PromptStopped, a, b, c, d)
FIELDS(Progress, a)
FIELDS(TraceQuery, a, b)
FIELDS(TraceReply, a, b, c)
FIELDS(Order, a, b, c, d, e, f)
FIELDS(Placement, a, b, c)
FIELDS(RouteAsk, a, b, c, d, e, f)
FIELDS(RouteAnswer, a, b, c, d, e)
FIELDS(RouteNews, a, b, c, d)
FIELDS(RouteLost, a, b, c)
FIELDS(BlocksQuery, a, b)
FIELDS(BlocksReply, a, b, c)
FIELDS(ProbeQuery, a)
FIELDS(ProbeReply, a, b)
FIELDS(Frame, a, b)

/// An arbitrary moment of a clock.
inline constexpr TimePoint kNow{std::chrono::nanoseconds(5'000'000'000'123)};

inline Hello sample_hello() {
  Hello hello;
  hello.protocol = 77;
  hello.build = "troupe 0.1 (ä)";
  hello.cluster = "west";
  hello.node = NodeId{4'000'000'001};
  hello.name = "prompts-1";
  hello.incarnation = 0xfedcba9876543210;
  hello.session = 0x8000000000000001;
  hello.pid = 4194303;
  hello.link_address = std::string("\0\xff\x80 bytes", 9);
  return hello;
}

inline MachineUp sample_machine_up() {
  MachineUp up;
  up.machine = MachineId{4'000'000'002};
  up.name = "m1";
  up.role = policies::Role::kToken;
  up.device = "AVX-512, 2 cores";
  up.model = "0123abcd";
  up.layers = 30;
  up.kv_heads = 3;
  up.head_dim = 64;
  up.dtype = static_cast<std::uint8_t>(kernels::DType::kBf16);
  up.blocks = 2'000'000'000;
  up.draining = true;
  up.epoch = 0xcccccccccccccccc;
  up.home = policies::Role::kPrompt;
  up.why = "much to do (ä)";
  return up;
}

inline Beat sample_beat() {
  MachineBeat machine;
  machine.machine = MachineId{9};
  machine.prompts = {1, 2, 3'000'000'000'000, 4'000'000'000'000};
  machine.tokens = {5, 6, 7, 8};
  machine.blocks = {{1, 2, 3, 4, 5, 6}, 21, 7};
  auto other = machine;
  other.machine = MachineId{10};
  other.blocks = {{100}, 100, 0};
  return {12, {machine, other}, 13, 14, 15, true, {{NodeId{16}, 17, 1.5e9}}};
}

inline RequestSpec sample_spec() {
  device::SamplingSpec sampling;
  sampling.params.temperature = 0.25f;
  sampling.params.top_k = 40;
  sampling.params.top_p = 0.9f;
  sampling.params.min_p = 0.05f;
  sampling.params.presence_penalty = -1.5f;
  sampling.params.frequency_penalty = 1.25f;
  sampling.params.repetition_penalty = 1.1f;
  sampling.params.logit_bias = {{0, -100.0f}, {49151, 0.5f}};
  sampling.params.logprobs = 20;
  sampling.seed = 0xffffffffffffffff;
  sampling.choice = 127;
  sampling.stop_tokens = {2, 0, 50256};
  sampling.min_tokens = 3;
  sampling.prompt_logprobs = 0;
  RequestSpec spec;
  spec.id = RequestId{0xfffffffffffffffe};
  spec.name = "client-word-2";
  spec.prompt = {1, 0, std::numeric_limits<std::int32_t>::max()};
  spec.sampling = std::make_shared<const device::SamplingSpec>(sampling);
  spec.max_tokens = 4000;
  spec.ignore_eos = true;
  spec.stop = {"END", std::string("\0", 1), "日本"};
  spec.include_stop = true;
  spec.skip_special_tokens = false;
  return spec;
}

inline Admit sample_admit() {
  return {sample_spec(), 12'345'678'901, 2, {5, 6, 7}, MachineId{3}, MachineId{0xffffffff}};
}

inline StartPrompt sample_start_prompt() {
  return {sample_spec(), 0, 64, {8}, MachineId{3}, MachineId{4}, NodeId{5}, {0xaaaaaaaaaaaaaaaa, 1}, 1000};
}

inline TokenProduced sample_produced() {
  constexpr float kRuledOut = -std::numeric_limits<float>::infinity();
  TokenProduced produced;
  produced.request = RequestId{11};
  produced.attempt = 1;
  produced.index = 17;
  produced.result.request = RequestId{12};
  produced.result.token = 99;
  produced.result.numerical_fault = true;
  produced.result.logprobs = kernels::Sampled{99, -0.5f, 2, {{98, -0.25f}, {99, -0.5f}}};
  produced.result.prompt_logprobs = {{4, kRuledOut, 50000, {}}, {-1, 0.0f, 0, {{7, kRuledOut}}}};
  produced.last = true;
  produced.reason = FinishReason::kLength;
  produced.prompt_times = {kNow - std::chrono::nanoseconds(4'999'999'999'999), std::chrono::nanoseconds(123'456'789)};
  return produced;
}

inline Progress sample_progress() {
  TokenProduced plain;
  plain.request = plain.result.request = RequestId{1};
  return {{sample_produced(), RequestFailed{RequestId{2}, 3, {ErrorCode::kUnavailable, "The peer is gone. ü"}},
           RequestReleased{RequestId{3}, 4, 5}, plain}};
}

inline policies::RoutingDecision sample_decision() {
  return {MachineId{71},         MachineId{72},     {{MachineId{71}, 0.5}, {MachineId{73}, 1e300}},
          {{MachineId{72}, -1}}, "shortest queues", "splitwise"};
}

inline RouteAsk sample_route_ask() {
  return {RequestId{74}, 75, 76, 63, {MachineId{77}, MachineId{78}}, Placement{MachineId{79}, MachineId{80}, true}};
}

inline BlocksReply sample_blocks_reply() {
  const HeldBlocks held{RequestId{73}, "front", true, "token0", 74, {0, 1, 2, 3, 4, 5}};
  return {75, false, {{{1, 2, 3, 4, 5, 6}, 21, 7}, {held, {}}, 8}};
}

inline Order sample_order() {
  return {61, MachineId{62}, policies::Role::kToken, true, policies::Role::kPrompt, "little to do"};
}

inline std::vector<Message> samples() {
  return {sample_hello(),
          Refused{"Another cluster.", true},
          sample_machine_up(),
          MachineDown{MachineId{0xfffffffe}},
          sample_beat(),
          sample_admit(),
          Cancel{RequestId{21}, 22, MachineId{23}},
          sample_start_prompt(),
          StopPrompt{RequestId{31}, 32, MachineId{33}},
          PromptStopped{RequestId{41}, 42, {43, 0xbbbbbbbbbbbbbbbb}, true},
          sample_progress(),
          TraceQuery{51, RequestId{52}},
          TraceReply{53, false, {{"", "AdmitRequest", "neighbours", "token", 54, 55, 56, "a note"}, {}}},
          sample_order(),
          sample_route_ask(),
          RouteAnswer{RequestId{81}, 1, MachineId{82}, MachineId{83}, sample_decision()},
          RouteNews{RequestId{84}, 2, true, 17},
          RouteLost{RequestId{85}, 3, MachineId{86}},
          BlocksQuery{71, MachineId{72}},
          sample_blocks_reply(),
          ProbeQuery{81},
          ProbeReply{82, {{"token0", "tcp 127.0.0.1", "no /dev/shm", "it is away", 83, 84, 85, 86, -87, 88}, {}}},
          LinkWord{std::string("w\0rd", 4)}};
}

}  // namespace wire
}  // namespace troupe

#undef FIELDS
