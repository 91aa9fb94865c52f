// RequestSpec: what is to be completed, and how it is sampled.
#include <limits>
#include <memory>

#include "actors/wire/codec.hpp"
#include "actors/wire/limits.hpp"
#include "runtime/base/check.hpp"

namespace troupe::wire {
namespace {

void write(const device::SamplingSpec& sampling, schema::Sampling::Builder to) {
  const auto& params = sampling.params;
  to.setTemperature(params.temperature);
  to.setTopK(params.top_k);
  to.setTopP(params.top_p);
  to.setMinP(params.min_p);
  to.setPresencePenalty(params.presence_penalty);
  to.setFrequencyPenalty(params.frequency_penalty);
  to.setRepetitionPenalty(params.repetition_penalty);
  auto biases = to.initLogitBias(list_size(params.logit_bias.size()));
  for (unsigned i = 0; i < biases.size(); ++i) {
    biases[i].setToken(params.logit_bias[i].first);
    biases[i].setBias(params.logit_bias[i].second);
  }
  to.setLogprobs(params.logprobs);
  to.setSeed(sampling.seed);
  to.setChoice(sampling.choice);
  write_tokens(sampling.stop_tokens, to.initStopTokens(list_size(sampling.stop_tokens.size())));
  to.setMinTokens(sampling.min_tokens);
  to.setPromptLogprobs(sampling.prompt_logprobs.value_or(-1));
}

kernels::SamplingParams read_params(Intake& in, schema::Sampling::Reader from) {
  constexpr float kMost = std::numeric_limits<float>::max();
  kernels::SamplingParams params;
  params.temperature = in.real("temperature", from.getTemperature(), 0, kMost);
  params.top_k = in.number("top_k", from.getTopK());
  // 0 is no value that a user may ask for, but what a double just above it becomes.
  params.top_p = in.real("top_p", from.getTopP(), 0, 1);
  params.min_p = in.real("min_p", from.getMinP(), 0, 1);
  params.presence_penalty = in.finite("presence_penalty", from.getPresencePenalty());
  params.frequency_penalty = in.finite("frequency_penalty", from.getFrequencyPenalty());
  params.repetition_penalty = in.real("repetition_penalty", from.getRepetitionPenalty(), 0, kMost);
  const auto biases = from.getLogitBias();
  params.logit_bias.resize(in.length("logit_bias", biases.size(), {0, kMostLogitBias}));
  for (unsigned i = 0; i < params.logit_bias.size() && !in.refusal(); ++i) {
    const auto here = in.enter("logit_bias", i);
    params.logit_bias[i] = {in.number("token", biases[i].getToken()), in.finite("bias", biases[i].getBias())};
  }
  params.logprobs = in.number("logprobs", from.getLogprobs(), {-1, kMostLogprobs});
  return params;
}

device::SamplingSpec read(Intake& in, schema::Sampling::Reader from) {
  device::SamplingSpec sampling;
  sampling.params = read_params(in, from);
  sampling.seed = from.getSeed();
  sampling.choice = from.getChoice();
  sampling.stop_tokens = in.tokens("stop_tokens", from.getStopTokens(), {0, kMostStopTokens});
  sampling.min_tokens = in.number("min_tokens", from.getMinTokens());
  const auto alternatives = in.number("prompt_logprobs", from.getPromptLogprobs(), {-1, kMostLogprobs});
  if (alternatives >= 0) sampling.prompt_logprobs = alternatives;
  return sampling;
}

}  // namespace

void write(const RequestSpec& spec, schema::Request::Builder to) {
  CHECK(spec.sampling != nullptr, spec.id);
  to.setId(spec.id.value);
  to.setName(text_of(readable(spec.name, kMostNameBytes)));
  write_tokens(spec.prompt, to.initPrompt(list_size(spec.prompt.size())));
  write(*spec.sampling, to.initSampling());
  to.setMaxTokens(spec.max_tokens);
  to.setIgnoreEos(spec.ignore_eos);
  auto stop = to.initStop(list_size(spec.stop.size()));
  for (unsigned i = 0; i < stop.size(); ++i) stop.set(i, text_of(spec.stop[i]));
  to.setIncludeStop(spec.include_stop);
  to.setSkipSpecialTokens(spec.skip_special_tokens);
}

RequestSpec read(Intake& in, schema::Request::Reader from) {
  RequestSpec spec;
  spec.id = RequestId{from.getId()};
  spec.name = in.text("name", from.getName(), kMostNameBytes);
  spec.prompt = in.tokens("prompt", from.getPrompt(), {1, kMostTokens});
  {
    const auto here = in.enter("sampling");
    spec.sampling = std::make_shared<const device::SamplingSpec>(read(in, from.getSampling()));
  }
  spec.max_tokens = in.number("max_tokens", from.getMaxTokens(), {1, kMostTokens});
  spec.ignore_eos = from.getIgnoreEos();
  const auto stop = from.getStop();
  spec.stop.resize(in.length("stop", stop.size(), {0, kMostStopStrings}));
  for (unsigned i = 0; i < spec.stop.size() && !in.refusal(); ++i) {
    const auto here = in.enter("stop", i);
    spec.stop[i] = in.text("text", stop[i], kMostStopStringBytes);
    if (spec.stop[i].empty()) in.refuse("text", "is empty");
  }
  spec.include_stop = from.getIncludeStop();
  spec.skip_special_tokens = from.getSkipSpecialTokens();
  return spec;
}

}  // namespace troupe::wire
