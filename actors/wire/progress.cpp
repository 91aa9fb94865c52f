// Progress: tokens, failures and releases of requests that live on the receiver's node.
#include <algorithm>
#include <chrono>

#include "actors/wire/codec.hpp"
#include "actors/wire/limits.hpp"

namespace troupe::wire {
namespace {

void write(const kernels::Sampled& sampled, schema::Sampled::Builder to) {
  to.setToken(sampled.token);
  to.setLogprob(sampled.logprob);
  to.setRank(sampled.rank);
  if (sampled.top.empty()) return;
  auto top = to.initTop(list_size(sampled.top.size()));
  for (unsigned i = 0; i < top.size(); ++i) {
    top[i].setToken(sampled.top[i].token);
    top[i].setLogprob(sampled.top[i].logprob);
  }
}

kernels::Sampled read(Intake& in, schema::Sampled::Reader from) {
  kernels::Sampled sampled;
  sampled.token = in.number("token", from.getToken(), {-1});
  sampled.logprob = in.logprob("logprob", from.getLogprob());
  sampled.rank = in.number("rank", from.getRank());
  const auto top = from.getTop();
  sampled.top.resize(in.length("top", top.size(), {0, kMostLogprobs}));
  for (unsigned i = 0; i < sampled.top.size() && !in.refusal(); ++i) {
    const auto here = in.enter("top", i);
    sampled.top[i] = {in.number("token", top[i].getToken()), in.logprob("logprob", top[i].getLogprob())};
  }
  return sampled;
}

/// The sender's clock may have been read before the times were taken: what lies ahead of it is now.
void write(const PromptTimes& times, schema::PromptTimes::Builder to, TimePoint now) {
  const auto nanoseconds = [](auto duration) {
    return std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
  };
  to.setBeganAgoNs(nanoseconds(now - times.began));
  to.setComputingNs(nanoseconds(times.computing));
}

PromptTimes read(Intake& in, schema::PromptTimes::Reader from, TimePoint now) {
  const auto here = in.enter("prompt_times");
  PromptTimes times;
  times.began = now - std::chrono::nanoseconds(in.number("began_ago_ns", from.getBeganAgoNs(), {0, kMostNanoseconds}));
  times.computing = std::chrono::nanoseconds(in.number("computing_ns", from.getComputingNs(), {0, kMostNanoseconds}));
  return times;
}

void write(const device::SequenceResult& result, schema::TokenProduced::Builder to) {
  to.setResultRequest(result.request.value);
  to.setToken(result.token);
  to.setNumericalFault(result.numerical_fault);
  if (result.logprobs) write(*result.logprobs, to.initLogprobs());
  if (result.prompt_logprobs.empty()) return;
  auto scores = to.initPromptLogprobs(list_size(result.prompt_logprobs.size()));
  for (unsigned i = 0; i < scores.size(); ++i) write(result.prompt_logprobs[i], scores[i]);
}

device::SequenceResult read_result(Intake& in, schema::TokenProduced::Reader from) {
  device::SequenceResult result;
  result.request = RequestId{from.getResultRequest()};
  result.token = in.number("token", from.getToken(), {-1});
  result.numerical_fault = from.getNumericalFault();
  if (from.hasLogprobs()) {
    const auto here = in.enter("logprobs");
    result.logprobs = read(in, from.getLogprobs());
  }
  const auto scores = from.getPromptLogprobs();
  result.prompt_logprobs.resize(in.length("prompt_logprobs", scores.size(), {0, kMostTokens}));
  for (unsigned i = 0; i < result.prompt_logprobs.size() && !in.refusal(); ++i) {
    const auto here = in.enter("prompt_logprobs", i);
    result.prompt_logprobs[i] = read(in, scores[i]);
  }
  return result;
}

struct NewsWriter {
  schema::News::Builder to;
  TimePoint now;

  void operator()(const TokenProduced& produced) {
    auto body = to.initProduced();
    body.setRequest(produced.request.value);
    body.setAttempt(produced.attempt);
    body.setIndex(produced.index);
    write(produced.result, body);
    body.setLast(produced.last);
    body.setReason(to_schema(produced.reason));
    if (produced.prompt_times) write(*produced.prompt_times, body.initPromptTimes(), now);
  }

  void operator()(const RequestFailed& failed) {
    auto body = to.initFailed();
    body.setRequest(failed.request.value);
    body.setAttempt(failed.attempt);
    body.setCode(to_schema(failed.error.code));
    body.setMessage(text_of(readable(failed.error.message, kMostSentenceBytes)));
  }

  void operator()(const RequestReleased& released) {
    auto body = to.initReleased();
    body.setRequest(released.request.value);
    body.setAttempt(released.attempt);
    body.setPreemptions(released.preemptions);
  }
};

TokenProduced read(Intake& in, schema::TokenProduced::Reader from, TimePoint now) {
  TokenProduced produced;
  produced.request = RequestId{from.getRequest()};
  produced.attempt = in.number("attempt", from.getAttempt(), {0, kMostAttempts});
  produced.index = in.number("index", from.getIndex(), {0, kMostTokens});
  produced.result = read_result(in, from);
  produced.last = from.getLast();
  produced.reason = in.known("reason", from_schema(from.getReason()));
  if (from.hasPromptTimes()) produced.prompt_times = read(in, from.getPromptTimes(), now);
  return produced;
}

RequestFailed read(Intake& in, schema::RequestFailed::Reader from) {
  RequestFailed failed;
  failed.request = RequestId{from.getRequest()};
  failed.attempt = in.number("attempt", from.getAttempt(), {0, kMostAttempts});
  failed.error.code = in.known("code", from_schema(from.getCode()));
  failed.error.message = in.text("message", from.getMessage(), kMostSentenceBytes);
  return failed;
}

RequestReleased read(Intake& in, schema::RequestReleased::Reader from) {
  RequestReleased released;
  released.request = RequestId{from.getRequest()};
  released.attempt = in.number("attempt", from.getAttempt(), {0, kMostAttempts});
  released.preemptions = in.number("preemptions", from.getPreemptions());
  return released;
}

std::variant<TokenProduced, RequestFailed, RequestReleased> read(Intake& in, schema::News::Reader from, TimePoint now) {
  switch (from.which()) {
    case schema::News::PRODUCED:
      in.present(from.hasProduced());
      return read(in, from.getProduced(), now);
    case schema::News::FAILED:
      in.present(from.hasFailed());
      return read(in, from.getFailed());
    case schema::News::RELEASED:
      in.present(from.hasReleased());
      return read(in, from.getReleased());
  }
  in.unknown_kind(from.which());
  return {};
}

}  // namespace

void write(const Progress& progress, schema::Progress::Builder to, TimePoint now) {
  auto news = to.initNews(list_size(progress.news.size()));
  for (unsigned i = 0; i < news.size(); ++i) std::visit(NewsWriter{news[i], now}, progress.news[i]);
}

Progress read(Intake& in, schema::Progress::Reader from, TimePoint now) {
  Progress progress;
  const auto news = from.getNews();
  const auto size = in.length("news", news.size(), {0, kMostNews});
  progress.news.reserve(size);
  for (unsigned i = 0; i < size && !in.refusal(); ++i) {
    const auto here = in.enter("news", i);
    progress.news.push_back(read(in, news[i], now));
  }
  return progress;
}

}  // namespace troupe::wire
