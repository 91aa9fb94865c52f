// What a server counts and measures, in Prometheus' terms: vLLM's names, units and buckets under the prefix `troupe_`,
// so that dashboards and autoscalers need a new prefix and nothing else. Every metric of the model carries the label
// model_name.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::metrics {

/// Why a request ended; the label finished_reason of troupe_request_success_total. An abort is the client's doing, an
/// error ours.
enum class FinishedReason : std::uint8_t { kStop, kLength, kAbort, kError };

/// "stop", "length", "abort", "error".
const char* to_string(FinishedReason reason);

/// One completion that has come to its end.
struct EndedRequest {
  FinishedReason reason = FinishedReason::kStop;
  std::uint64_t prompt_tokens = 0;
  std::uint64_t generated_tokens = 0;
  std::chrono::nanoseconds total{};                          ///< from arrival to end
  std::optional<std::chrono::nanoseconds> to_first_token{};  ///< from arrival; none where no token came
};

/// The KV pool by the state of its blocks.
struct KvBlocks {
  std::uint64_t free = 0;         ///< nobody's; all others count as in use
  std::uint64_t reserved = 0;     ///< a request's, nothing in it yet
  std::uint64_t advertised = 0;   ///< a peer may write it
  std::uint64_t in_flight = 0;    ///< a peer's transfer is under way
  std::uint64_t committed = 0;    ///< holds KV
  std::uint64_t quarantined = 0;  ///< released, but a writer may be left
};

/// All methods may be called from any thread.
class ServerMetrics {
 public:
  /// `handlers` are the values that the label `handler` of troupe_http_requests_total may have; any other is counted as
  /// "other", so that clients cannot make label values.
  ServerMetrics(std::string model_name, std::vector<std::string> handlers);
  ~ServerMetrics();
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  void set_requests_running(std::uint64_t count);
  void set_requests_waiting(std::uint64_t count);
  /// Sets troupe_kv_blocks{state} and troupe_kv_cache_usage_perc: the part of all blocks, from 0 to 1, that is not
  /// free.
  void set_kv_blocks(const KvBlocks& blocks);

  /// The prompt of a request has been computed: `tokens` of it, those found in a cache included.
  void prompt_computed(std::uint64_t tokens);
  void request_left_queue(std::chrono::nanoseconds waited);
  /// A request's first token, since it arrived.
  void first_token(std::chrono::nanoseconds since_arrival);
  /// `tokens` of one request came at once, this long after those before: each of them counts as one gap of an equal
  /// share of the time.
  void token_gap(std::chrono::nanoseconds since_last, std::uint64_t tokens = 1);
  /// Tokens of any request, the first ones included.
  void tokens_generated(std::uint64_t count);
  void request_preempted();
  /// Also gives troupe_request_time_per_output_token_seconds: the mean gap between its tokens, where it has two or
  /// more.
  void request_ended(const EndedRequest& request);
  void http_request(int status, std::string_view handler);

  /// The text format, version 0.0.4 (content type `text/plain; version=0.0.4`), with the process's own numbers as of
  /// now.
  std::string exposition();

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

/// What exposition() is to be sent as.
inline constexpr std::string_view kExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace troupe::metrics
