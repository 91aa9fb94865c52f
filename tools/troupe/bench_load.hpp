// Drives a benchmark's load against a server: sends each request at its time, reads the streams, notes what was seen
// and when.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/http/client.hpp"
#include "tools/troupe/bench_statistics.hpp"
#include "tools/troupe/bench_workload.hpp"

namespace troupe {

struct LoadProgress {
  std::size_t total = 0, finished = 0, failed = 0, running = 0;
  std::uint64_t pieces = 0;  ///< pieces of streams that held tokens
  double seconds = 0;
};

struct LoadPlan {
  std::vector<TraceRequest> requests;  ///< sorted by `at`
  PromptShape shape;
  http::ClientRequest call;  ///< what all requests share: URL, fields, timeout. The body is made for each.
  http::ClientConfig client;
  std::optional<std::uint64_t>
      max_concurrency;  ///< later requests wait for a place; waiting is not part of their times
  std::function<void(const LoadProgress&)> progress;  ///< called a few times a second, on the calling thread
  bool stop_on_interrupt = false;                     ///< Ctrl-C ends the load and keeps what was measured
};

struct LoadResult {
  std::vector<BenchSample> samples;  ///< of the requests that were sent, in the order of the plan
  double duration = 0;               ///< from the first request to the last end, in seconds
  bool interrupted = false;
};

/// Blocks until every request has ended. Errors are those of the client's making; what requests meet is in their
/// samples.
Result<LoadResult> run_load(const LoadPlan& plan);

}  // namespace troupe
