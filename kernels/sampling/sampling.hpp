// From one row of logits to one token: penalties, bans, temperature, the top-k / top-p / min-p cuts, and the draw.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/core/cpu_isa.hpp"

namespace troupe::kernels {

/// What a user asked for. Defaults change nothing and draw from the plain distribution.
struct SamplingParams {
  float temperature = 1.0f;         ///< 0: greedy (the smallest id among equal maxima)
  std::int32_t top_k = 0;           ///< 0: all
  float top_p = 1.0f;               ///< (0, 1]
  float min_p = 0.0f;               ///< [0, 1]: drop tokens below min_p times the best probability
  float presence_penalty = 0.0f;    ///< subtracted once from each token generated so far
  float frequency_penalty = 0.0f;   ///< subtracted for each time it was generated
  float repetition_penalty = 1.0f;  ///< > 0: logits of tokens in prompt or output are divided (positive) or multiplied (negative); Keskar 2019
  std::vector<std::pair<std::int32_t, float>> logit_bias;  ///< added to the logit; ids are in [0, vocab)
  std::int32_t logprobs = -1;       ///< how many alternatives to report; -1: no logprobs, 0: the chosen token's only

  bool needs_history() const { return presence_penalty != 0 || frequency_penalty != 0 || repetition_penalty != 1; }
};

/// One row to sample. The order is vLLM's: logit bias, bans, penalties, temperature, min_p, top_k, top_p, draw.
struct SampleRow {
  const float* logits = nullptr;  ///< [vocab]; read only
  std::int32_t vocab = 0;
  const SamplingParams* params = nullptr;
  std::span<const std::int32_t> prompt;    ///< needed where params->needs_history()
  std::span<const std::int32_t> generated; ///< needed where params->needs_history()
  std::span<const std::int32_t> banned;    ///< ids that must not be drawn (stop tokens before min_tokens)
  float uniform = 0;                       ///< the draw in [0, 1)
};

/// A token and its log-probability under the raw model distribution (before penalties and temperature, as vLLM's `raw_logprobs`).
struct TokenLogprob {
  std::int32_t token = 0;
  float logprob = 0;
};

struct Sampled {
  std::int32_t token = 0;
  float logprob = 0;                 ///< valid where params->logprobs >= 0
  std::int32_t rank = 0;             ///< 1 for the likeliest; valid where params->logprobs >= 0
  std::vector<TokenLogprob> top;     ///< the params->logprobs likeliest, best first, ties by smaller id
};

/// Scratch memory that a caller keeps between rows, so that sampling a row allocates nothing after the first.
struct SampleScratch {
  std::vector<float> weights;
  std::vector<std::int32_t> order;
};

/// Deterministic: the same row gives the same token on every isa (own exp; sums in vocabulary order or in 16 fixed lanes). A row with NaN or
/// without any finite logit samples token -1: the caller reports a numerical fault.
Sampled sample(CpuIsa isa, const SampleRow& row, SampleScratch& scratch);

/// The log-probability of `token` in a row, its rank, and the `top` likeliest: for prompt logprobs.
Sampled logprobs_of(CpuIsa isa, const float* logits, std::int32_t vocab, std::int32_t token, std::int32_t top, SampleScratch& scratch);

}  // namespace troupe::kernels
