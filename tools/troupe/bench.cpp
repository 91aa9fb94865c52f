#include "tools/troupe/bench.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/file.hpp"
#include "runtime/clock/wall_clock.hpp"
#include "runtime/http/client.hpp"
#include "tools/troupe/bench_load.hpp"
#include "tools/troupe/bench_progress.hpp"
#include "tools/troupe/bench_report.hpp"
#include "tools/troupe/bench_stream.hpp"
#include "tools/troupe/exit_codes.hpp"

namespace troupe {
namespace {

constexpr std::size_t kMaxTraceBytes = std::size_t{1} << 30;
constexpr std::size_t kMaxRequests = 10'000'000;
constexpr std::uint64_t kDefaultPrompts = 100;
constexpr std::size_t kShownErrors = 5;
constexpr std::chrono::seconds kModelsTimeout{30};

http::ClientConfig client_config(const BenchOptions& options) {
  http::ClientConfig config;
  config.ca_file = options.ca_file;
  config.verify_tls = !options.insecure;
  config.kept_connections = 65536;
  return config;
}

std::vector<http::Header> fields(const BenchOptions& options) {
  std::vector<http::Header> out{{"Content-Type", "application/json"},
                                {"Accept", "text/event-stream, application/json"}};
  if (!options.api_key.empty()) out.push_back({"Authorization", "Bearer " + options.api_key});
  return out;
}

Result<std::string> first_model(const BenchOptions& options) {
  http::ClientRequest request;
  request.url = base_url(options.url) + "/v1/models";
  request.headers = fields(options);
  request.timeout = kModelsTimeout;
  TRY(response, http::fetch(request, client_config(options)));
  const auto refuse = [&](const std::string& what) {
    return Error{ErrorCode::kUnavailable,
                 request.url + ": " + what + " Name the model with --model, or check --url and --api-key."};
  };
  if (response.status != 200) return refuse(refusal_message(response.status, response.body) + ".");
  const auto list = nlohmann::json::parse(response.body, nullptr, false);
  const auto data = list.is_object() ? list.value("data", nlohmann::json::array()) : nlohmann::json();
  if (!data.is_array() || data.empty() || !data[0].is_object() || !data[0].contains("id") || !data[0]["id"].is_string())
    return refuse("the answer does not list a model.");
  return data[0]["id"].get<std::string>();
}

LoadPlan make_plan(const BenchOptions& options, const std::string& model, std::vector<TraceRequest> requests) {
  LoadPlan plan;
  plan.requests = std::move(requests);
  plan.shape = {options.endpoint,    model,        options.vocabulary, options.ignore_eos,
                options.temperature, options.seed, options.extra_body};
  plan.call.url =
      base_url(options.url) + (options.endpoint == BenchEndpoint::kChat ? "/v1/chat/completions" : "/v1/completions");
  plan.call.headers = fields(options);
  plan.call.timeout = std::chrono::seconds(options.timeout_s);
  plan.client = client_config(options);
  plan.max_concurrency = options.max_concurrency;
  plan.stop_on_interrupt = true;
  return plan;
}

/// A few requests of the benchmark's shape, one after the other. Their prompts are not those that are measured, so that
/// no cache knows those.
Result<void> warm_up(const BenchOptions& options, const LoadPlan& plan) {
  auto warm = plan;
  warm.requests.assign(options.warmups, plan.requests.front());
  for (auto& request : warm.requests) {
    request.at = 0;
    request.hash_ids.clear();
  }
  warm.shape.seed = ~plan.shape.seed;
  warm.max_concurrency = 1;
  TRY(result, run_load(warm));
  if (result.interrupted) return Error{ErrorCode::kCancelled, "Interrupted."};
  for (const auto& sample : result.samples)
    if (!sample.ok)
      return Error{ErrorCode::kUnavailable, plan.call.url + ": the first request failed: " + sample.error};
  return {};
}

void tell_failures(const std::vector<BenchSample>& samples) {
  std::map<std::string, std::size_t> errors;
  for (const auto& sample : samples)
    if (!sample.ok) ++errors[sample.error];
  std::size_t shown = 0;
  for (const auto& [error, count] : errors) {
    if (++shown > kShownErrors) break;
    std::cerr << "troupe: " << count << (count == 1 ? " request failed: " : " requests failed: ") << error << "\n";
  }
  if (errors.size() > kShownErrors)
    std::cerr << "troupe: and " << errors.size() - kShownErrors << " other kinds of failure\n";
}

BenchSetting setting_of(const BenchOptions& options, const std::string& model, std::size_t requests) {
  BenchSetting setting;
  setting.model = model;
  setting.endpoint_type = options.endpoint == BenchEndpoint::kChat ? "openai-chat" : "openai";
  setting.date = clock::rfc3339(clock::unix_nanoseconds());
  setting.num_prompts = requests;
  if (options.trace.empty() && std::isfinite(options.request_rate)) setting.request_rate = options.request_rate;
  setting.max_concurrency = options.max_concurrency;
  setting.seed = options.seed;
  return setting;
}

}  // namespace

std::string base_url(std::string url) {
  const auto strip_slashes = [&] {
    while (!url.empty() && url.back() == '/') url.pop_back();
  };
  strip_slashes();
  if (url.size() > 3 && url.compare(url.size() - 3, 3, "/v1") == 0) url.resize(url.size() - 3);
  strip_slashes();
  return url;
}

Result<Goodput> parse_goodput(const std::vector<std::string>& words) {
  Goodput out;
  for (const auto& word : words) {
    const auto colon = std::min(word.find(':'), word.size());
    const auto name = word.substr(0, colon);
    char* end = nullptr;
    const double bound = colon < word.size() ? std::strtod(word.c_str() + colon + 1, &end) : 0;
    auto* slot = name == "ttft"   ? &out.ttft_ms
                 : name == "tpot" ? &out.tpot_ms
                 : name == "e2el" ? &out.e2el_ms
                                  : nullptr;
    if (!slot || !end || *end != '\0' || !(bound > 0) || !std::isfinite(bound))
      return Error{ErrorCode::kInvalidInput,
                   "--goodput " + word + ": expected ttft:MS, tpot:MS or e2el:MS with milliseconds above 0."};
    if (*slot) return Error{ErrorCode::kInvalidInput, "--goodput " + word + ": " + name + " is there twice."};
    *slot = bound;
  }
  return out;
}

Result<std::vector<TraceRequest>> plan_requests(const BenchOptions& options) {
  if (options.trace.empty()) {
    SyntheticLoad load{static_cast<std::size_t>(options.num_prompts.value_or(kDefaultPrompts)),
                       options.input_len,
                       options.output_len,
                       {},
                       options.seed};
    if (std::isfinite(options.request_rate)) load.request_rate = options.request_rate;
    return synthetic_load(load);
  }
  TRY(text, read_file(options.trace, kMaxTraceBytes));
  const auto most = static_cast<std::size_t>(options.num_prompts.value_or(kMaxRequests));
  auto requests = parse_trace(text, most);
  if (!requests.ok()) return requests.error().within(options.trace);
  for (auto& request : *requests) {
    request.at *= options.time_scale;
    if (options.clip_input) request.input_tokens = std::min(request.input_tokens, *options.clip_input);
    if (options.clip_output) request.output_tokens = std::min(request.output_tokens, *options.clip_output);
  }
  return requests;
}

int run_bench(const BenchOptions& options) {
  const auto goodput = parse_goodput(options.goodput);
  auto bad_usage = goodput.ok() ? std::string() : goodput.error().message;
  if (!(options.request_rate > 0)) bad_usage = "--request-rate must be above 0, or inf.";
  if (!(options.time_scale >= 0) || !std::isfinite(options.time_scale)) bad_usage = "--time-scale must be 0 or more.";
  if (const auto url = http::parse_url(options.url); !url.ok()) bad_usage = "--url: " + url.error().message;
  if (!bad_usage.empty()) {
    std::cerr << "troupe: " << bad_usage << std::endl;
    return kExitUsage;
  }
  auto requests = plan_requests(options);
  if (!requests.ok()) return fail(requests.error());
  auto model = options.model.empty() ? first_model(options) : Result<std::string>(options.model);
  if (!model.ok()) return fail(model.error());
  auto plan = make_plan(options, *model, std::move(requests).value());
  if (options.warmups > 0)
    if (auto warm = warm_up(options, plan); !warm.ok()) return fail(warm.error());

  LoadBar bar;
  plan.progress = [&bar](const LoadProgress& progress) { bar.show(progress); };
  auto result = run_load(plan);
  bar.clear();
  if (!result.ok()) return fail(result.error());
  const auto summary = summarise(result->samples, result->duration, options.percentiles, *goodput);
  const auto setting = setting_of(options, *model, plan.requests.size());
  std::cout << (options.json ? report_json(setting, summary, result->samples, options.detailed)
                             : report_text(setting, summary))
            << std::flush;
  tell_failures(result->samples);
  if (const auto note = note_on_pieces(result->samples); !note.empty()) std::cerr << "troupe: note: " << note << "\n";
  if (result->interrupted) return kExitInterrupted;
  return summary.completed == 0 ? kExitUnavailable : kExitOk;
}

}  // namespace troupe
