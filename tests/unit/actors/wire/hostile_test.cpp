#include <capnp/message.h>
#include <capnp/serialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "actors/wire/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/utf8.hpp"
#include "schemas/control.capnp.h"
#include "tests/unit/actors/wire/samples.hpp"

namespace troupe::wire {
namespace {

namespace schema = ::troupe::schema::control;
using testing::HasSubstr;

std::vector<char> bytes_of(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = words.asChars();
  return {bytes.begin(), bytes.end()};
}

Error refusal(std::span<const char> bytes) {
  const auto frame = decode(bytes, kNow);
  EXPECT_FALSE(frame.ok());
  return frame.ok() ? Error{} : frame.error();
}

/// A frame of words that no builder would make: one segment.
class RawFrame {
 public:
  std::size_t size() const { return words_.size(); }
  void word(std::uint64_t value) { words_.push_back(value); }
  /// A pointer in the next word to a struct at word `to`.
  void struct_at(std::size_t to, std::uint16_t data_words, std::uint16_t pointers) {
    word((static_cast<std::uint64_t>(to - size() - 1) & 0x3fffffff) << 2 | std::uint64_t{data_words} << 32 |
         std::uint64_t{pointers} << 48);
  }
  /// A pointer in the next word to a list at word `to`. `kind` is Cap'n Proto's: 2 bytes, 7 structs (`count` in words).
  void list_at(std::size_t to, std::uint64_t kind, std::uint64_t count) {
    word((static_cast<std::uint64_t>(to - size() - 1) & 0x3fffffff) << 2 | 1 | kind << 32 | count << 35);
  }
  std::vector<char> bytes() const {
    std::vector<char> bytes((words_.size() + 1) * 8);
    const std::uint64_t table = static_cast<std::uint64_t>(words_.size()) << 32;
    std::memcpy(bytes.data(), &table, 8);
    std::memcpy(bytes.data() + 8, words_.data(), words_.size() * 8);
    return bytes;
  }

 private:
  std::vector<std::uint64_t> words_;
};

/// Progress with `count` news that all point to one RequestFailed with a message of 4096 bytes.
std::vector<char> shared_body(std::size_t count) {
  constexpr std::uint64_t kProgress = 10, kFailed = 1;
  RawFrame raw;
  raw.struct_at(1, 2, 1);
  raw.word(1);  // session
  raw.word(kProgress);
  raw.struct_at(4, 0, 1);
  raw.list_at(5, 7, count * 2);
  raw.word(static_cast<std::uint64_t>(count) << 2 | std::uint64_t{1} << 32 | std::uint64_t{1} << 48);  // one tag
  const auto body = 6 + count * 2;
  for (std::size_t i = 0; i < count; ++i) {
    raw.word(kFailed);
    raw.struct_at(body, 2, 1);
  }
  raw.word(1);  // request
  raw.word(0);  // attempt, code
  raw.list_at(body + 3, 2, 4096);
  for (int i = 0; i < 511; ++i) raw.word(0x6161616161616161);
  raw.word(0x0061616161616161);
  return raw.bytes();
}

TEST(WireHostile, no_bytes_are_no_frame) {
  EXPECT_EQ(refusal({}).code, ErrorCode::kInvalidInput);
  EXPECT_EQ(refusal(std::vector<char>(8)).code, ErrorCode::kInvalidInput);
}

TEST(WireHostile, every_truncation_is_refused) {
  for (const auto& message : samples()) {
    const auto bytes = encode({1, message}, kNow);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto frame = decode(std::span(bytes).first(size), kNow);
      ASSERT_FALSE(frame.ok()) << name_of(message) << " cut to " << size;
    }
  }
}

TEST(WireHostile, bytes_after_the_frame_are_refused) {
  auto bytes = encode({1, MachineDown{}}, kNow);
  bytes.resize(bytes.size() + 8);
  EXPECT_THAT(refusal(bytes).message, HasSubstr("8 bytes follow its end"));
}

TEST(WireHostile, a_frame_over_the_limit_is_too_large_whatever_it_holds) {
  EXPECT_EQ(refusal(std::vector<char>(kMostFrameBytes + 8)).code, ErrorCode::kTooLarge);
  EXPECT_EQ(refusal(std::vector<char>(kMostFrameBytes)).code, ErrorCode::kInvalidInput);
  auto start = sample_start_prompt();
  start.spec.prompt.assign(kMostTokens, 1);
  EXPECT_EQ(refusal(encode({1, start}, kNow)).code, ErrorCode::kTooLarge);
}

TEST(WireHostile, a_message_of_a_newer_build_is_unsupported_and_says_so) {
  auto bytes = encode({1, MachineDown{}}, kNow);
  bytes[24] = 99;  // the union's member: after the segment table, the root pointer and the session
  const auto error = refusal(bytes);
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("builds differ"));
  EXPECT_THAT(error.message, HasSubstr("same build of Troupe on every node"));
}

TEST(WireHostile, news_of_a_newer_build_are_unsupported) {
  auto bytes = shared_body(1);
  EXPECT_TRUE(decode(bytes, kNow).ok());
  bytes[8 + 6 * 8] = 3;
  const auto error = refusal(bytes);
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("Progress: news[0].kind is number 3"));
}

TEST(WireHostile, a_message_without_its_body_is_refused) {
  for (std::uint16_t kind = 0; kind < std::variant_size_v<Message>; ++kind) {
    capnp::MallocMessageBuilder message;
    message.initRoot<schema::Frame>();
    auto bytes = bytes_of(message);
    std::memcpy(bytes.data() + 24, &kind, sizeof kind);
    EXPECT_THAT(refusal(bytes).message, HasSubstr("body is missing")) << kind;
  }
}

TEST(WireHostile, values_that_an_enumeration_does_not_have_are_refused) {
  const auto refused_with = [](auto fill, const char* field) {
    capnp::MallocMessageBuilder message;
    fill(message.initRoot<schema::Frame>());
    const auto error = refusal(bytes_of(message));
    EXPECT_EQ(error.code, ErrorCode::kInvalidInput);
    EXPECT_THAT(error.message, HasSubstr(std::string(field) + " is none of the values"));
  };
  refused_with([](auto frame) { frame.initMachineUp().setRole(static_cast<schema::Role>(3)); }, "role");
  refused_with(
      [](auto frame) {
        auto up = frame.initMachineUp();
        up.setAway(true);
        up.setHome(static_cast<schema::Role>(3));
      },
      "home");
  refused_with(
      [](auto frame) {
        auto order = frame.initOrder();
        order.setAway(true);
        order.setHome(static_cast<schema::Role>(3));
      },
      "home");
  refused_with([](auto frame) { frame.initMachineUp().setDtype(static_cast<schema::NumberFormat>(3)); }, "dtype");
  refused_with(
      [](auto frame) {
        frame.initProgress().initNews(1)[0].initProduced().setReason(static_cast<schema::FinishReason>(4));
      },
      "reason");
  refused_with(
      [](auto frame) {
        frame.initProgress().initNews(1)[0].initFailed().setCode(static_cast<schema::ErrorCode>(0xffff));
      },
      "code");
}

TEST(WireHostile, sentences_and_peoples_names_are_bounded_and_utf8_on_arrival_too) {
  const auto refused_with = [](auto fill, const char* problem) {
    capnp::MallocMessageBuilder message;
    fill(message.initRoot<schema::Frame>());
    EXPECT_THAT(refusal(bytes_of(message)).message, HasSubstr(problem));
  };
  const std::string sentence(kMostSentenceBytes + 1, 'x'), name(kMostNameBytes + 1, 'x');
  refused_with([&](auto frame) { frame.initRefused().setWhy(sentence.c_str()); }, "why has 4097 bytes");
  refused_with([&](auto frame) { frame.initProgress().initNews(1)[0].initFailed().setMessage(sentence.c_str()); },
               "message has 4097 bytes");
  refused_with([&](auto frame) { frame.initHello().setBuild(name.c_str()); }, "build has 257 bytes");
  refused_with([&](auto frame) { frame.initMachineUp().setDevice(name.c_str()); }, "device has 257 bytes");
  refused_with([&](auto frame) { frame.initAdmit().initRequest().setName(name.c_str()); }, "name has 257 bytes");
  refused_with([&](auto frame) { frame.initRefused().setWhy("\xff"); }, "why is not UTF-8");
}

TEST(WireHostile, a_pool_of_other_states_is_refused) {
  for (const unsigned states : {0u, 5u, 7u}) {
    capnp::MallocMessageBuilder message;
    message.initRoot<schema::Frame>().initBeat().initMachines(1)[0].initBlocks().initByState(states);
    EXPECT_THAT(refusal(bytes_of(message)).message, HasSubstr("by_state has " + std::to_string(states)));
  }
}

TEST(WireHostile, one_body_for_many_news_is_read_no_oftener_than_its_bytes_allow) {
  EXPECT_TRUE(decode(shared_body(2), kNow).ok());
  const auto error = refusal(shared_body(kMostNews));
  EXPECT_EQ(error.code, ErrorCode::kInvalidInput);
  EXPECT_THAT(error.message, HasSubstr("traversal limit"));
}

TEST(WireHostile, a_list_of_structs_without_size_buys_no_memory) {
  const auto with = [](std::uint64_t scores) {
    RawFrame raw;
    raw.struct_at(1, 2, 1);
    raw.word(1);
    raw.word(10);  // Progress
    raw.struct_at(4, 0, 1);
    raw.list_at(5, 7, 2);
    raw.word(1 << 2 | std::uint64_t{1} << 32 | std::uint64_t{1} << 48);  // one News
    raw.word(0);                                                         // TokenProduced
    raw.struct_at(8, 0, 3);
    raw.word(0);
    raw.list_at(11, 7, 0);  // promptLogprobs: structs of no words
    raw.word(0);
    raw.word(scores << 2);
    return decode(raw.bytes(), kNow);
  };
  const auto few = with(3);
  ASSERT_TRUE(few.ok()) << few.error().message;
  const auto& news = std::get<TokenProduced>(std::get<Progress>(few->message).news[0]);
  EXPECT_EQ(news.result.prompt_logprobs.size(), 3u);
  EXPECT_FALSE(with(kMostTokens).ok());
}

TEST(WireHostile, fields_of_a_newer_build_are_ignored) {
  RawFrame raw;
  raw.struct_at(1, 3, 2);
  raw.word(7);  // session
  raw.word(3);  // MachineDown
  raw.word(0xffffffffffffffff);
  raw.struct_at(6, 2, 0);
  raw.word(0);
  raw.word(5);
  raw.word(0xffffffffffffffff);
  const auto frame = decode(raw.bytes(), kNow);
  ASSERT_TRUE(frame.ok()) << frame.error().message;
  EXPECT_EQ(frame->session, 7u);
  EXPECT_EQ(std::get<MachineDown>(frame->message).machine, MachineId{5});
}

/// The bounds that decode() warrants, said a second time.
struct WithinBounds {
  static bool text(const std::string& text, std::size_t most) { return text.size() <= most && is_valid_utf8(text); }
  static bool counts(std::initializer_list<std::int64_t> counts) { return std::min(counts) >= 0; }
  static bool tokens(const std::vector<TokenId>& tokens) {
    return std::all_of(tokens.begin(), tokens.end(), [](TokenId token) { return token >= 0; });
  }
  static bool attempt(Attempt attempt) { return attempt >= 0 && attempt <= kMostAttempts; }
  static bool logprob(float value) { return !std::isnan(value) && value < std::numeric_limits<float>::infinity(); }
  static bool sampled(const kernels::Sampled& sampled) {
    return sampled.token >= -1 && sampled.rank >= 0 && sampled.top.size() <= kMostLogprobs &&
           logprob(sampled.logprob) && std::all_of(sampled.top.begin(), sampled.top.end(), [](const auto& top) {
             return top.token >= 0 && logprob(top.logprob);
           });
  }
  static bool spec(const RequestSpec& spec) {
    const auto& params = spec.sampling->params;
    bool good = text(spec.name, kMostNameBytes) && !spec.prompt.empty() && tokens(spec.prompt) &&
                spec.max_tokens >= 1 && spec.stop.size() <= kMostStopStrings && tokens(spec.sampling->stop_tokens) &&
                spec.sampling->min_tokens >= 0 && spec.sampling->stop_tokens.size() <= kMostStopTokens &&
                spec.deadline == TimePoint::max();
    for (const auto& stop : spec.stop) good = good && !stop.empty() && text(stop, kMostStopStringBytes);
    for (const float value : {params.temperature, params.top_p, params.min_p, params.presence_penalty,
                              params.frequency_penalty, params.repetition_penalty})
      good = good && std::isfinite(value);
    good = good && params.temperature >= 0 && params.top_p >= 0 && params.top_p <= 1 && params.min_p >= 0 &&
           params.min_p <= 1 && params.repetition_penalty >= 0 && params.top_k >= 0 && params.logprobs >= -1 &&
           params.logprobs <= kMostLogprobs && params.logit_bias.size() <= kMostLogitBias;
    for (const auto& [token, bias] : params.logit_bias) good = good && token >= 0 && std::isfinite(bias);
    const auto alternatives = spec.sampling->prompt_logprobs.value_or(0);
    return good && alternatives >= 0 && alternatives <= kMostLogprobs;
  }
  template <class Work>
  static bool work(const Work& work) {
    return spec(work.spec) && work.deadline_in_ns >= -1 && work.deadline_in_ns <= kMostNanoseconds &&
           attempt(work.attempt) && tokens(work.generated) &&
           work.generated.size() <= static_cast<std::size_t>(work.spec.max_tokens);
  }
  static bool beat(const MachineBeat& beat) {
    std::int64_t sum = 0;
    for (const auto count : beat.blocks.by_state) {
      if (count < 0) return false;
      sum += count;
    }
    return sum == beat.blocks.total && beat.blocks.leases >= 0 &&
           counts({beat.prompts.waiting, beat.prompts.running, beat.prompts.waiting_tokens, beat.prompts.preemptions,
                   beat.tokens.waiting, beat.tokens.running, beat.tokens.waiting_tokens, beat.tokens.preemptions});
  }

  bool operator()(const Hello& hello) const {
    return text(hello.build, kMostNameBytes) && text(hello.cluster, kMostNameBytes) &&
           text(hello.name, kMostNameBytes) && hello.link_address.size() <= kMostLinkAddressBytes;
  }
  bool operator()(const Refused& refused) const { return text(refused.why, kMostSentenceBytes); }
  bool operator()(const MachineUp& up) const {
    return text(up.name, kMostNameBytes) && text(up.device, kMostNameBytes) && text(up.model, kMostNameBytes) &&
           text(up.why, kMostSentenceBytes) && up.role <= policies::Role::kMixed &&
           up.home.value_or(up.role) <= policies::Role::kMixed &&
           up.dtype <= static_cast<std::uint8_t>(kernels::DType::kBf16) &&
           counts({up.layers, up.kv_heads, up.head_dim, up.blocks}) && up.layers <= kMostLayers &&
           up.kv_heads <= kMostKvHeads && up.head_dim <= kMostHeadDim;
  }
  bool operator()(const MachineDown&) const { return true; }
  bool operator()(const Beat& sent) const {
    return sent.machines.size() <= kMostMachinesInBeat && sent.links.size() <= kMostLinksInBeat &&
           std::all_of(sent.machines.begin(), sent.machines.end(), [](const auto& machine) { return beat(machine); });
  }
  bool operator()(const Admit& admit) const { return work(admit); }
  bool operator()(const Cancel& cancel) const { return attempt(cancel.attempt); }
  bool operator()(const StartPrompt& start) const { return work(start) && start.blocks >= 0; }
  bool operator()(const StopPrompt& stop) const { return attempt(stop.attempt); }
  bool operator()(const PromptStopped& stopped) const { return attempt(stopped.attempt); }
  bool operator()(const Progress& progress) const {
    return progress.news.size() <= kMostNews && std::all_of(progress.news.begin(), progress.news.end(),
                                                            [&](const auto& news) { return std::visit(*this, news); });
  }
  bool operator()(const TraceQuery&) const { return true; }
  bool operator()(const BlocksQuery&) const { return true; }
  bool operator()(const BlocksReply& reply) const {
    return reply.what.leases.size() <= kMostLeasesShown && reply.what.left_out >= 0 &&
           std::all_of(reply.what.leases.begin(), reply.what.leases.end(), [](const auto& held) {
             return text(held.home, kMostNameBytes) && text(held.peer, kMostNameBytes) && held.held_ns >= 0 &&
                    std::all_of(held.by_state.begin(), held.by_state.end(), [](auto count) { return count >= 0; });
           });
  }
  bool operator()(const ProbeQuery&) const { return true; }
  bool operator()(const LinkWord& word) const { return word.word.size() <= kMostLinkAddressBytes; }
  bool operator()(const ProbeReply& reply) const {
    return reply.paths.size() <= kMostPaths &&
           std::all_of(reply.paths.begin(), reply.paths.end(), [](const auto& path) {
             return text(path.peer, kMostNameBytes) && text(path.transport, kMostNameBytes) &&
                    text(path.why, kMostSentenceBytes) && text(path.problem, kMostSentenceBytes) &&
                    path.round_trip_ns >= -1 && path.bytes_per_second >= 0 && path.bytes >= 0 && path.heard_ns >= -1;
           });
  }
  bool operator()(const Order& order) const {
    return order.role <= policies::Role::kMixed && order.home.value_or(order.role) <= policies::Role::kMixed &&
           text(order.why, kMostSentenceBytes);
  }
  bool operator()(const RouteAsk& ask) const {
    return attempt(ask.attempt) && counts({ask.prompt_tokens, ask.max_tokens}) && ask.avoid.size() <= kMostAvoided;
  }
  bool operator()(const RouteAnswer& answer) const {
    const auto* decision = std::get_if<policies::RoutingDecision>(&answer.what);
    if (decision == nullptr) return text(std::get<Error>(answer.what).message, kMostSentenceBytes);
    const auto scored = [](const std::vector<policies::Candidate>& candidates) {
      return candidates.size() <= kMostMachinesInBeat &&
             std::all_of(candidates.begin(), candidates.end(),
                         [](const auto& each) { return std::isfinite(each.score); });
    };
    return attempt(answer.attempt) && text(decision->reason, kMostSentenceBytes) &&
           text(decision->policy, kMostNameBytes) && scored(decision->prompt_candidates) &&
           scored(decision->token_candidates);
  }
  bool operator()(const RouteNews& news) const { return attempt(news.attempt) && news.generated >= 0; }
  bool operator()(const RouteLost& lost) const { return attempt(lost.attempt); }
  bool operator()(const TraceReply& reply) const {
    return reply.messages.size() <= kMostTracedMessages &&
           std::all_of(reply.messages.begin(), reply.messages.end(), [](const auto& message) {
             return text(message.name, kMostNameBytes) && text(message.from, kMostNameBytes) &&
                    text(message.to, kMostNameBytes) && text(message.note, kMostSentenceBytes) && message.sent_ns >= 0;
           });
  }
  bool operator()(const TokenProduced& produced) const {
    const auto& result = produced.result;
    return attempt(produced.attempt) && produced.index >= 0 && result.token >= -1 &&
           produced.reason <= FinishReason::kError && (!result.logprobs || sampled(*result.logprobs)) &&
           std::all_of(result.prompt_logprobs.begin(), result.prompt_logprobs.end(), sampled) &&
           (!produced.prompt_times ||
            (produced.prompt_times->began <= kNow && produced.prompt_times->computing.count() >= 0));
  }
  bool operator()(const RequestFailed& failed) const {
    return attempt(failed.attempt) && failed.error.code <= ErrorCode::kInternal &&
           text(failed.error.message, kMostSentenceBytes);
  }
  bool operator()(const RequestReleased& released) const {
    return attempt(released.attempt) && released.preemptions >= 0;
  }
};

/// One to four changes: a bit, a byte, a word, a word from elsewhere, or the end cut off.
void damage(std::vector<char>& bytes, RandomStream& random) {
  for (auto changes = 1 + random.below(4); changes > 0 && bytes.size() >= 16; --changes) {
    const auto words = bytes.size() / 8;
    const auto at = random.below(bytes.size());
    const auto word = random.below(words) * 8;
    switch (random.below(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(random.next());
        break;
      case 2: {
        const auto value = random.next() >> random.below(64);
        std::memcpy(bytes.data() + word, &value, 8);
        break;
      }
      case 3:
        std::memmove(bytes.data() + word, bytes.data() + random.below(words) * 8, 8);
        break;
      case 4:
        std::memset(bytes.data() + word, random.below(2) == 0 ? 0 : 0xff, 8);
        break;
      default:
        if (random.below(8) == 0) bytes.resize(random.below(4) == 0 ? at : word);
    }
  }
}

TEST(WireHostile, twenty_thousand_damaged_frames_are_refused_or_within_bounds) {
  std::vector<std::vector<char>> frames;
  for (const auto& message : samples()) frames.push_back(encode({1, message}, kNow));
  RandomStream random(4);
  int taken = 0, refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = frames[random.below(frames.size())];
    damage(bytes, random);
    const auto frame = decode(bytes, kNow);
    if (!frame.ok()) {
      ++refused;
      const auto code = frame.error().code;
      ASSERT_TRUE(code == ErrorCode::kInvalidInput || code == ErrorCode::kUnsupported) << frame.error().message;
      ASSERT_TRUE(is_valid_utf8(frame.error().message));
      continue;
    }
    ++taken;
    ASSERT_TRUE(std::visit(WithinBounds{}, frame->message)) << name_of(frame->message) << " in round " << i;
    const auto again = decode(encode(*frame, kNow), kNow);
    ASSERT_TRUE(again.ok()) << again.error().message;
    ASSERT_TRUE(*again == *frame) << name_of(frame->message) << " in round " << i;
  }
  EXPECT_GT(taken, 2'000);
  EXPECT_GT(refused, 2'000);
}

}  // namespace
}  // namespace troupe::wire
