#include "tools/troupe/bench_report.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kWidth = 50;
constexpr std::size_t kNameWidth = 40;
constexpr std::size_t kValueWidth = 10;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string centred(const std::string& text, char fill) {
  const auto left = (kWidth - text.size()) / 2;
  return std::string(left, fill) + text + std::string(kWidth - text.size() - left, fill) + "\n";
}

std::string fixed(double value) {
  char out[64];
  std::snprintf(out, sizeof out, "%.2f", value);
  return out;
}

std::string line(const std::string& name, const std::string& value) {
  return padded(name, kNameWidth) + " " + padded(value, kValueWidth) + "\n";
}
std::string line(const std::string& name, std::uint64_t value) { return line(name, std::to_string(value)); }
std::string line(const std::string& name, double value) { return line(name, fixed(value)); }

std::string section(const std::string& title, const std::string& name, const Distribution& values,
                    std::span<const double> percents) {
  auto out = centred(title, '-') + line("Mean " + name + " (ms):", values.mean) +
             line("Median " + name + " (ms):", values.median);
  for (std::size_t i = 0; i < percents.size(); ++i)
    out += line("P" + percent_name(percents[i]) + " " + name + " (ms):", values.percentiles[i]);
  return out;
}

void add_distribution(Json& out, const std::string& name, const Distribution& values,
                      std::span<const double> percents) {
  out["mean_" + name + "_ms"] = values.mean;
  out["median_" + name + "_ms"] = values.median;
  out["std_" + name + "_ms"] = values.stddev;
  for (std::size_t i = 0; i < percents.size(); ++i)
    out["p" + percent_name(percents[i]) + "_" + name + "_ms"] = values.percentiles[i];
}

}  // namespace

std::string note_on_pieces(std::span<const BenchSample> samples) {
  std::uint64_t tokens = 0, pieces = 0, most_ends = 0;
  for (const auto& sample : samples) {
    if (!sample.ok) continue;
    tokens += sample.output_tokens;
    pieces += 1 + sample.gaps.size();
    ++most_ends;
  }
  if (tokens <= pieces + most_ends) return {};
  return std::to_string(tokens) + " tokens came in " + std::to_string(pieces) +
         " pieces, and the times to first tokens and between tokens are those of pieces. A server that knows "
         "return_token_ids sends each token by itself: --extra-body '{\"return_token_ids\": true}'";
}

std::string percent_name(double percent) {
  char out[32];
  std::snprintf(out, sizeof out, "%g", percent);
  return out;
}

std::string report_text(const BenchSetting& setting, const BenchSummary& summary) {
  auto out = centred(" Serving Benchmark Result ", '=');
  out += line("Successful requests:", summary.completed);
  out += line("Failed requests:", summary.failed);
  if (setting.max_concurrency) out += line("Maximum request concurrency:", *setting.max_concurrency);
  if (setting.request_rate) out += line("Request rate configured (RPS):", *setting.request_rate);
  out += line("Benchmark duration (s):", summary.duration);
  out += line("Total input tokens:", summary.input_tokens);
  out += line("Total generated tokens:", summary.output_tokens);
  out += line("Request throughput (req/s):", summary.request_throughput);
  if (summary.request_goodput) out += line("Request goodput (req/s):", *summary.request_goodput);
  out += line("Output token throughput (tok/s):", summary.output_throughput);
  out += line("Peak output token throughput (tok/s):", summary.peak_output_throughput);
  out += line("Peak concurrent requests:", static_cast<double>(summary.peak_concurrency));
  out += line("Total token throughput (tok/s):", summary.total_throughput);
  out += section("Time to First Token", "TTFT", summary.ttft, summary.percents);
  out += section("Time per Output Token (excl. 1st token)", "TPOT", summary.tpot, summary.percents);
  out += section("Inter-token Latency", "ITL", summary.itl, summary.percents);
  out += section("End-to-end Latency", "E2EL", summary.e2el, summary.percents);
  return out + std::string(kWidth, '=') + "\n";
}

std::string report_json(const BenchSetting& setting, const BenchSummary& summary, std::span<const BenchSample> samples,
                        bool detailed) {
  Json out;
  out["date"] = setting.date;
  out["endpoint_type"] = setting.endpoint_type;
  out["model_id"] = setting.model;
  out["num_prompts"] = setting.num_prompts;
  out["seed"] = setting.seed;
  out["request_rate"] = setting.request_rate ? Json(*setting.request_rate) : Json("inf");
  out["max_concurrency"] = setting.max_concurrency ? Json(*setting.max_concurrency) : Json(nullptr);
  out["duration"] = summary.duration;
  out["completed"] = summary.completed;
  out["failed"] = summary.failed;
  out["total_input_tokens"] = summary.input_tokens;
  out["total_output_tokens"] = summary.output_tokens;
  out["request_throughput"] = summary.request_throughput;
  out["request_goodput"] = summary.request_goodput ? Json(*summary.request_goodput) : Json(nullptr);
  out["output_throughput"] = summary.output_throughput;
  out["total_token_throughput"] = summary.total_throughput;
  out["max_output_tokens_per_s"] = summary.peak_output_throughput;
  out["max_concurrent_requests"] = summary.peak_concurrency;
  add_distribution(out, "ttft", summary.ttft, summary.percents);
  add_distribution(out, "tpot", summary.tpot, summary.percents);
  add_distribution(out, "itl", summary.itl, summary.percents);
  add_distribution(out, "e2el", summary.e2el, summary.percents);
  if (detailed) {
    for (const char* key : {"input_lens", "output_lens", "ttfts", "itls", "errors"}) out[key] = Json::array();
    for (const auto& sample : samples) {
      out["input_lens"].push_back(sample.input_tokens);
      out["output_lens"].push_back(sample.output_tokens);
      out["ttfts"].push_back(sample.ttft);
      out["itls"].push_back(sample.gaps);
      out["errors"].push_back(sample.error);
    }
  }
  // A peer's error text may be anything.
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace troupe
