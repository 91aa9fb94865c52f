#include "tools/troupe/bench_workload.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

/// Tokenizers give their first ids to special tokens and single bytes; a vocabulary smaller than twice this is used
/// whole.
constexpr std::uint32_t kFirstTokens = 300;

// Common words that most vocabularies hold as one token.
constexpr std::array<const char*, 64> kWords = {
    "time",   "year",    "people", "way",      "day",      "man",     "thing",   "woman", "life",  "child",   "world",
    "school", "state",   "family", "student",  "group",    "country", "problem", "hand",  "part",  "place",   "case",
    "week",   "company", "system", "program",  "question", "work",    "number",  "night", "point", "home",    "water",
    "room",   "mother",  "area",   "money",    "story",    "fact",    "month",   "lot",   "right", "study",   "book",
    "eye",    "job",     "word",   "business", "issue",    "side",    "kind",    "head",  "house", "service", "friend",
    "father", "power",   "hour",   "game",     "line",     "end",     "member",  "law",   "car"};

/// A number for each place of a prompt; the places of a shared block have the same in each prompt.
std::uint64_t draw(const PromptShape& shape, const TraceRequest& request, std::uint64_t index, std::uint32_t place) {
  const std::uint32_t block = place / kTokensPerHash;
  // The two kinds of key must not meet: odd and even.
  const std::uint64_t key = block < request.hash_ids.size() ? request.hash_ids[block] * 2 : index * 2 + 1;
  const std::uint32_t within = block < request.hash_ids.size() ? place % kTokensPerHash : place;
  return mix64(mix64(mix64(shape.seed) ^ key) ^ within);
}

}  // namespace

std::vector<TraceRequest> synthetic_load(const SyntheticLoad& load) {
  RandomStream random(load.seed);
  std::vector<TraceRequest> out(load.requests);
  double at = 0;
  for (auto& request : out) {
    request.at = at;
    request.input_tokens = load.input_tokens;
    request.output_tokens = load.output_tokens;
    // Gaps of a Poisson process are exponential; 1 - unit() is never 0.
    if (load.request_rate) at += -std::log(1.0 - random.unit()) / *load.request_rate;
  }
  return out;
}

std::vector<std::int32_t> prompt_tokens(const PromptShape& shape, const TraceRequest& request, std::uint64_t index) {
  const std::uint32_t first = shape.vocabulary >= 2 * kFirstTokens ? kFirstTokens : 0;
  const std::uint64_t span = std::max(1u, shape.vocabulary - first);
  std::vector<std::int32_t> out(request.input_tokens);
  for (std::uint32_t place = 0; place < request.input_tokens; ++place)
    out[place] = static_cast<std::int32_t>(first + draw(shape, request, index, place) % span);
  return out;
}

std::string request_body(const PromptShape& shape, const TraceRequest& request, std::uint64_t index) {
  nlohmann::ordered_json body;
  body["model"] = shape.model;
  if (shape.endpoint == BenchEndpoint::kCompletions) {
    body["prompt"] = prompt_tokens(shape, request, index);
    body["max_tokens"] = request.output_tokens;
  } else {
    std::string text;
    for (std::uint32_t place = 0; place < request.input_tokens; ++place)
      text.append(place == 0 ? "" : " ").append(kWords[draw(shape, request, index, place) % kWords.size()]);
    body["messages"] = nlohmann::ordered_json::array({{{"role", "user"}, {"content", text}}});
    body["max_completion_tokens"] = request.output_tokens;
  }
  if (shape.temperature) body["temperature"] = *shape.temperature;
  if (shape.ignore_eos) body["ignore_eos"] = true;
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  if (!shape.extra_body.empty()) body.update(nlohmann::ordered_json::parse(shape.extra_body));
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace troupe
