#include "runtime/metrics/server_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <locale>
#include <mutex>
#include <sstream>

#include "runtime/base/utf8.hpp"
#include "runtime/metrics/process.hpp"

namespace troupe::metrics {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// vLLM's bucket bounds (vllm/v1/metrics/loggers.py), so that quantiles of both can be compared.
const Buckets kToFirstToken = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,  0.25, 0.5,  0.75,
                               1.0,   2.5,   5.0,  7.5,  10.0, 20.0, 40.0, 80.0, 160., 640., 2560.};
const Buckets kTokenGap = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
                           0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
const Buckets kRequestTime = {0.3,  0.5,  0.8,  1.0,  1.5,  2.0,   2.5,   5.0,   10.0,  15.0, 20.0,
                              30.0, 40.0, 50.0, 60.0, 120., 240.0, 480.0, 960.0, 1920., 7680.};
const Buckets kTokenCount = {1,    2,    5,     10,    20,    50,     100,    200,    500,    1000,
                             2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000};

constexpr std::array kReasons = {FinishedReason::kStop, FinishedReason::kLength, FinishedReason::kAbort,
                                 FinishedReason::kError};
constexpr std::string_view kOtherHandler = "other";

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

const char* to_string(FinishedReason reason) {
  switch (reason) {
    case FinishedReason::kStop:
      return "stop";
    case FinishedReason::kLength:
      return "length";
    case FinishedReason::kAbort:
      return "abort";
    case FinishedReason::kError:
      return "error";
  }
  return "unknown";
}

/// Every child is made at the start: a metric that is absent until it first counts breaks rate() and alerts.
struct ServerMetrics::Families {
  Families(std::string model_name, std::vector<std::string> handler_names)
      : model{{"model_name", replace_invalid_utf8(model_name)}},
        handlers(std::move(handler_names)),
        running(gauge("troupe_num_requests_running", "Requests whose prompt has begun or that generate tokens.")),
        waiting(gauge("troupe_num_requests_waiting", "Requests that wait for their turn.")),
        kv_usage(gauge("troupe_kv_cache_usage_perc", "Part of the KV blocks in use; 1 is all of them.")),
        blocks(prometheus::BuildGauge()
                   .Name("troupe_kv_blocks")
                   .Help("KV blocks by state.")
                   .Labels(model)
                   .Register(registry)),
        free(blocks.Add({{"state", "free"}})),
        reserved(blocks.Add({{"state", "reserved"}})),
        advertised(blocks.Add({{"state", "advertised"}})),
        in_flight(blocks.Add({{"state", "in_flight"}})),
        committed(blocks.Add({{"state", "committed"}})),
        quarantined(blocks.Add({{"state", "quarantined"}})),
        to_first_token(
            histogram("troupe_time_to_first_token_seconds", "From arrival to the first token.", kToFirstToken)),
        gap(histogram("troupe_inter_token_latency_seconds", "Between two tokens of a request.", kTokenGap)),
        per_token(histogram("troupe_request_time_per_output_token_seconds",
                            "Mean time between the tokens of a request.", kTokenGap)),
        total(histogram("troupe_e2e_request_latency_seconds", "From arrival to the end of a request.", kRequestTime)),
        queued(histogram("troupe_request_queue_time_seconds", "From arrival to a request's first step.", kRequestTime)),
        request_prompt(histogram("troupe_request_prompt_tokens", "Prompt tokens of a request.", kTokenCount)),
        request_generated(histogram("troupe_request_generation_tokens", "Generated tokens of a request.", kTokenCount)),
        prompt_tokens(counter("troupe_prompt_tokens_total",
                              "Prompt tokens of requests that got a first token; recomputing is not counted.")),
        generation_tokens(counter("troupe_generation_tokens_total", "Tokens generated.")),
        preemptions(counter("troupe_num_preemptions_total", "Sequences that gave their KV blocks up for others.")),
        http(prometheus::BuildCounter()
                 .Name("troupe_http_requests_total")
                 .Help("HTTP requests by answer and route.")
                 .Register(registry)),
        cpu(prometheus::BuildCounter()
                .Name("process_cpu_seconds_total")
                .Help("User and system CPU time spent, in seconds.")
                .Register(registry)
                .Add({})),
        resident(process("process_resident_memory_bytes", "Resident memory size in bytes.")),
        virtual_memory(process("process_virtual_memory_bytes", "Virtual memory size in bytes.")),
        open_fds(process("process_open_fds", "Open file descriptors.")),
        max_fds(process("process_max_fds", "Most file descriptors that may be open.")),
        start_time(process("process_start_time_seconds", "Start of the process, in seconds since 1970.")),
        threads(process("process_threads", "Threads of the process.")) {
    auto& ended = prometheus::BuildCounter()
                      .Name("troupe_request_success_total")
                      .Help("Requests that ended, by reason.")
                      .Labels(model)
                      .Register(registry);
    for (const auto reason : kReasons)
      ends[static_cast<std::size_t>(reason)] = &ended.Add({{"finished_reason", to_string(reason)}});
  }

  prometheus::Gauge& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(model);
  }
  prometheus::Gauge& process(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
  }
  prometheus::Counter& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(model);
  }
  prometheus::Histogram& histogram(const char* name, const char* help, const Buckets& buckets) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(model, buckets);
  }

  prometheus::Registry registry;
  const prometheus::Labels model;
  const std::vector<std::string> handlers;
  prometheus::Gauge &running, &waiting, &kv_usage;
  prometheus::Family<prometheus::Gauge>& blocks;
  prometheus::Gauge &free, &reserved, &advertised, &in_flight, &committed, &quarantined;
  prometheus::Histogram &to_first_token, &gap, &per_token, &total, &queued, &request_prompt, &request_generated;
  prometheus::Counter &prompt_tokens, &generation_tokens, &preemptions;
  prometheus::Family<prometheus::Counter>& http;
  prometheus::Counter& cpu;
  prometheus::Gauge &resident, &virtual_memory, &open_fds, &max_fds, &start_time, &threads;
  std::array<prometheus::Counter*, kReasons.size()> ends{};
  std::mutex exposing;
};

ServerMetrics::ServerMetrics(std::string model_name, std::vector<std::string> handlers)
    : families_(std::make_unique<Families>(std::move(model_name), std::move(handlers))) {}
ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::set_requests_running(std::uint64_t count) { families_->running.Set(static_cast<double>(count)); }
void ServerMetrics::set_requests_waiting(std::uint64_t count) { families_->waiting.Set(static_cast<double>(count)); }

void ServerMetrics::set_kv_blocks(const KvBlocks& blocks) {
  families_->free.Set(static_cast<double>(blocks.free));
  families_->reserved.Set(static_cast<double>(blocks.reserved));
  families_->advertised.Set(static_cast<double>(blocks.advertised));
  families_->in_flight.Set(static_cast<double>(blocks.in_flight));
  families_->committed.Set(static_cast<double>(blocks.committed));
  families_->quarantined.Set(static_cast<double>(blocks.quarantined));
  const auto used = static_cast<double>(blocks.reserved + blocks.advertised + blocks.in_flight + blocks.committed +
                                        blocks.quarantined);
  const auto all = used + static_cast<double>(blocks.free);
  families_->kv_usage.Set(all > 0 ? used / all : 0);
}

void ServerMetrics::prompt_computed(std::uint64_t tokens) {
  families_->prompt_tokens.Increment(static_cast<double>(tokens));
}
void ServerMetrics::request_left_queue(std::chrono::nanoseconds waited) { families_->queued.Observe(seconds(waited)); }
void ServerMetrics::first_token(std::chrono::nanoseconds since_arrival) {
  families_->to_first_token.Observe(seconds(since_arrival));
}
void ServerMetrics::token_gap(std::chrono::nanoseconds since_last, std::uint64_t tokens) {
  const double share = seconds(since_last) / static_cast<double>(std::max<std::uint64_t>(tokens, 1));
  for (std::uint64_t i = 0; i < tokens; ++i) families_->gap.Observe(share);
}
void ServerMetrics::tokens_generated(std::uint64_t count) {
  families_->generation_tokens.Increment(static_cast<double>(count));
}
void ServerMetrics::request_preempted() { families_->preemptions.Increment(); }

void ServerMetrics::request_ended(const EndedRequest& request) {
  families_->ends[static_cast<std::size_t>(request.reason)]->Increment();
  families_->total.Observe(seconds(request.total));
  families_->request_prompt.Observe(static_cast<double>(request.prompt_tokens));
  families_->request_generated.Observe(static_cast<double>(request.generated_tokens));
  if (request.to_first_token && request.generated_tokens > 1)
    families_->per_token.Observe(seconds(request.total - *request.to_first_token) /
                                 static_cast<double>(request.generated_tokens - 1));
}

void ServerMetrics::http_request(int status, std::string_view handler) {
  const bool known =
      std::find(families_->handlers.begin(), families_->handlers.end(), handler) != families_->handlers.end();
  families_->http
      .Add({{"handler", std::string(known ? handler : kOtherHandler)},
            {"status", std::to_string(std::clamp(status, 100, 599))}})
      .Increment();
}

std::string ServerMetrics::exposition() {
  // The CPU counter is moved by the difference to what it shows, which two callers at once would add twice.
  const std::lock_guard lock(families_->exposing);
  const auto process = read_process_figures();
  families_->cpu.Increment(std::max(0.0, process.cpu_seconds - families_->cpu.Value()));
  families_->resident.Set(process.resident_bytes);
  families_->virtual_memory.Set(process.virtual_bytes);
  families_->open_fds.Set(process.open_fds);
  families_->max_fds.Set(process.max_fds);
  families_->start_time.Set(process.start_time_seconds);
  families_->threads.Set(process.threads);
  std::ostringstream out;
  out.imbue(std::locale::classic());
  prometheus::TextSerializer().Serialize(out, families_->registry.Collect());
  return out.str();
}

}  // namespace troupe::metrics
