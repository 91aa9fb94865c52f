#include "tools/troupe/node_metrics.hpp"

#include "tools/troupe/status_json.hpp"

namespace troupe {
namespace {

metrics::FinishedReason finished(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return metrics::FinishedReason::kStop;
    case FinishReason::kLength:
      return metrics::FinishedReason::kLength;
    case FinishReason::kCancelled:
      return metrics::FinishedReason::kAbort;
    case FinishReason::kError:
      break;
  }
  return metrics::FinishedReason::kError;
}

std::uint64_t count(std::int64_t value) { return static_cast<std::uint64_t>(value); }

double milliseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count() / 1000) / 1e3; }

}  // namespace

CallObserver NodeMetrics::observer(const std::shared_ptr<NodeMetrics>& metrics, const std::shared_ptr<EventLog>& log) {
  CallObserver observer;
  observer.first_token = [metrics](std::chrono::nanoseconds since_arrival) {
    metrics->metrics_.first_token(since_arrival);
    metrics->metrics_.tokens_generated(1);
  };
  observer.token_gap = [metrics](std::chrono::nanoseconds gap, std::int32_t tokens) {
    metrics->metrics_.token_gap(gap, count(tokens));
    metrics->metrics_.tokens_generated(count(tokens));
  };
  observer.request_ended = [metrics, log](const CompletionOutcome& outcome) {
    if (outcome.to_first_token) metrics->metrics_.prompt_computed(count(outcome.prompt_tokens));
    if (outcome.queued) metrics->metrics_.request_left_queue(*outcome.queued);
    metrics->metrics_.request_ended({finished(outcome.reason), count(outcome.prompt_tokens),
                                     count(outcome.generated_tokens), outcome.total, outcome.to_first_token});
    nlohmann::ordered_json fields = {{"request_id", outcome.name},
                                     {"reason", to_string(outcome.reason)},
                                     {"prompt_tokens", outcome.prompt_tokens},
                                     {"generated_tokens", outcome.generated_tokens},
                                     {"total_ms", milliseconds(outcome.total)}};
    if (outcome.to_first_token) fields["ttft_ms"] = milliseconds(*outcome.to_first_token);
    if (outcome.queued) {
      fields["queued_ms"] = milliseconds(*outcome.queued);
      fields["prompt_computing_ms"] = milliseconds(outcome.prompt_computing);
    }
    log->write(outcome.reason == FinishReason::kError ? config::LogLevel::kWarning : config::LogLevel::kInfo,
               "request_ended", fields);
  };
  return observer;
}

std::string NodeMetrics::exposition(const ClusterState& cluster) {
  Load load;
  metrics::KvBlocks blocks;
  std::int64_t preemptions = 0;
  for (const auto& machine : cluster.machines) {
    const auto in = [&](BlockState state) { return count(machine.blocks.by_state[static_cast<std::size_t>(state)]); };
    blocks.free += in(BlockState::kFree);
    blocks.reserved += in(BlockState::kReserved);
    blocks.advertised += in(BlockState::kAdvertised);
    blocks.in_flight += in(BlockState::kInFlight);
    blocks.committed += in(BlockState::kCommitted);
    blocks.quarantined += in(BlockState::kQuarantined);
    load.running += load_of(machine).running;
    load.waiting += load_of(machine).waiting;
    preemptions += machine.tokens.preemptions;
  }
  const std::lock_guard lock(mutex_);
  metrics_.set_requests_running(count(load.running));
  metrics_.set_requests_waiting(count(load.waiting));
  metrics_.set_kv_blocks(blocks);
  for (; preemptions_ < preemptions; ++preemptions_) metrics_.request_preempted();
  return metrics_.exposition();
}

}  // namespace troupe
