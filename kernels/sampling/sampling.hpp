// From one row of logits to one token: penalties, bans, temperature, the top-k / top-p / min-p cuts, and the draw.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/core/cpu_isa.hpp"

namespace troupe::kernels {

/// What a user asked for. Defaults change nothing and draw from the plain distribution. The ranges are the caller's to
/// check; a value outside them gives some token or none, but nothing undefined.
struct SamplingParams {
  float temperature = 1.0f;  ///< 0: greedy (the smallest id among equal maxima)
  std::int32_t top_k = 0;    ///< keep the k likeliest, ties by smaller id; 0: all
  float top_p = 1.0f;        ///< (0, 1]: keep the fewest likeliest that hold this share of what min_p and top_k left
  float min_p = 0.0f;        ///< [0, 1]: drop tokens below min_p times the best probability
  float presence_penalty = 0.0f;    ///< subtracted once from each token generated so far
  float frequency_penalty = 0.0f;   ///< subtracted for each time it was generated
  float repetition_penalty = 1.0f;  ///< > 0; positive logits of tokens in prompt or output are divided, others
                                    ///< multiplied by it, once and before the other two penalties (Keskar et al., 2019)
  /// Added to the logit. Ids outside [0, vocab) name no token and are ignored, here and in SampleRow.
  std::vector<std::pair<std::int32_t, float>> logit_bias;
  std::int32_t logprobs = -1;  ///< how many alternatives to report; -1: no logprobs, 0: the chosen token's only

  bool needs_history() const { return presence_penalty != 0 || frequency_penalty != 0 || repetition_penalty != 1; }
};

/// One row to sample. The order is vLLM's: logit bias, bans, penalties, temperature, min_p, top_k, top_p, draw. The
/// draw takes the token at which the kept probabilities, summed in vocabulary order, pass `uniform`.
struct SampleRow {
  const float* logits = nullptr;  ///< [vocab]; read only
  std::int32_t vocab = 0;
  const SamplingParams* params = nullptr;
  std::span<const std::int32_t> prompt;     ///< needed where params->needs_history()
  std::span<const std::int32_t> generated;  ///< needed where params->needs_history()
  std::span<const std::int32_t> banned;     ///< ids that must not be drawn (stop tokens before min_tokens)
  float uniform = 0;                        ///< the draw in [0, 1)
};

/// A token and its log-probability under the raw model distribution (before penalties and temperature, as vLLM's
/// `raw_logprobs`).
struct TokenLogprob {
  std::int32_t token = 0;
  float logprob = 0;
};

struct Sampled {
  std::int32_t token = 0;         ///< -1: the row holds no distribution, and nothing below is valid
  float logprob = 0;              ///< valid where params->logprobs >= 0; -infinity for a token the model rules out
  std::int32_t rank = 0;          ///< 1 for the likeliest, ties by smaller id; valid where params->logprobs >= 0
  std::vector<TokenLogprob> top;  ///< the params->logprobs likeliest, best first, ties by smaller id
};

/// Scratch memory that a caller keeps between rows, so that sampling a row allocates nothing after the first (but
/// Sampled::top). For one thread at a time.
struct SampleScratch {
  std::vector<float> weights;
  std::vector<std::int32_t> order;
};

/// Deterministic: the same row gives the same token on every isa (own exp and logarithm; sums in vocabulary order or in
/// 16 fixed lanes). A row that holds NaN or +infinity, or in which no finite logit is left after bias and bans, samples
/// token -1: the caller reports a numerical fault. -infinity is a token that cannot be drawn.
Sampled sample(CpuIsa isa, const SampleRow& row, SampleScratch& scratch);

/// The log-probability of `token` in a row, its rank, and the `top` likeliest (at most vocab): for prompt logprobs.
/// token must be in [0, vocab): checked, a bug otherwise. A row without a distribution, as above, gives token -1.
Sampled logprobs_of(CpuIsa isa, const float* logits, std::int32_t vocab, std::int32_t token, std::int32_t top,
                    SampleScratch& scratch);

}  // namespace troupe::kernels
