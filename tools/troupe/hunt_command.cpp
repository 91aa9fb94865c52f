#include "tools/troupe/hunt_command.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "runtime/clock/wall_clock.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/hunt_report.hpp"
#include "tools/troupe/hunt_worker.hpp"

namespace troupe {
namespace {

constexpr int kMostJobs = 256;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(clock::steady_now() - begin).count();
}

int usage(const std::string& what) {
  std::cerr << "troupe simulate: " << what << std::endl;
  return kExitUsage;
}

/// Polls the workers until all have ended, or `enough` says so. Calls `meanwhile` at least twice a second.
template <class Enough, class Meanwhile>
void listen(std::vector<HuntWorker>& workers, Enough enough, Meanwhile meanwhile) {
  for (;;) {
    std::vector<pollfd> waiting;
    std::vector<HuntWorker*> whose;
    for (auto& worker : workers) {
      if (worker.output() < 0) continue;
      waiting.push_back({worker.output(), POLLIN, 0});
      whose.push_back(&worker);
    }
    if (waiting.empty() || enough()) return;
    ::poll(waiting.data(), waiting.size(), 500);
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (waiting[i].revents != 0) whose[i]->read();
    meanwhile();
  }
}

int hunt_many(const HuntOptions& options) {
  const auto processors = static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  const auto jobs = static_cast<std::uint64_t>(options.jobs == 0 ? std::min(processors, kMostJobs) : options.jobs);
  const auto begin = clock::steady_now();
  HuntSummary summary;
  summary.first_seed = options.first_seed;
  summary.seeds = options.seeds;
  summary.jobs = std::min(jobs, options.seeds);
  std::vector<hunt::HuntResult> failed;
  HuntProgress progress(::isatty(STDERR_FILENO) == 1);
  std::vector<HuntWorker> workers;
  for (std::uint64_t job = 0; job < summary.jobs; ++job) {
    const SeedRange seeds{options.first_seed + job, options.first_seed + options.seeds, summary.jobs};
    auto worker = HuntWorker::start({seeds, options.faults}, {[&](const hunt::HuntResult& result) {
                                                                summary.add(result);
                                                                if (!result.violations.empty())
                                                                  failed.push_back(result);
                                                              },
                                                              {}});
    if (!worker.ok()) return fail(worker.error());
    workers.push_back(std::move(*worker));
  }
  listen(
      workers, [&] { return !failed.empty(); },
      [&] { std::cerr << progress.render(summary, seconds_since(begin)) << std::flush; });
  std::cerr << progress.finish();
  summary.wall_seconds = seconds_since(begin);
  std::cout << in_words(summary);
  if (options.coverage) std::cout << coverage_in_words(summary);
  if (failed.empty()) return kExitOk;
  std::sort(failed.begin(), failed.end(), [](const auto& a, const auto& b) { return a.seed < b.seed; });
  std::cout << in_words(failed.front(), options.faults);
  return kExitInternal;
}

int replay(const HuntOptions& options) {
  std::optional<hunt::HuntResult> result;
  MessageLog log(options.last_messages);
  auto worker = HuntWorker::start({{*options.seed, *options.seed + 1, 1}, options.faults, true, options.trace_messages},
                                  {[&](const hunt::HuntResult& ended) { result = ended; },
                                   [&](std::string_view line, bool message) { log.add(line, message); }});
  if (!worker.ok()) return fail(worker.error());
  std::vector<HuntWorker> workers;
  workers.push_back(std::move(*worker));
  listen(
      workers, [] { return false; }, [] {});
  if (!result) return fail({ErrorCode::kInternal, "The process that played the seed ended before it began."});
  log.print(std::cout, result->violations);
  std::cout << in_words(*result, options.faults);
  return result->violations.empty() ? kExitOk : kExitInternal;
}

}  // namespace

void add_hunt_flags(CLI::App& command, HuntOptions& options) {
  command.add_flag("--faults", options.faults,
                   "Hunt for faults instead: nodes die, stall and lose each other, KV is lost and damaged, clients "
                   "leave; all by the seed.");
  command.add_option("--seeds", options.seeds, "How many seeds to play; the first that breaks an invariant ends it.");
  command.add_option("--first-seed", options.first_seed, "The first of them.")->capture_default_str();
  command.add_flag("--coverage", options.coverage,
                   "Say how often each fault and each rare situation came about over the seeds, and which never did.");
  command.add_flag("--trace-messages", options.trace_messages, "With --seed: tell its messages in words.");
  command.add_option("--last-messages", options.last_messages, "How many of them, from the end; 0: all.")
      ->capture_default_str();
}

int hunt_faults(const HuntOptions& options) {
  if (options.jobs < 0 || options.jobs > kMostJobs)
    return usage("--jobs is between 1 and " + std::to_string(kMostJobs) + "; without it one a processor.");
  if (options.seed) {
    if (*options.seed == std::numeric_limits<std::uint64_t>::max())
      return usage("--seed: the largest seed is 2^64 - 2.");
    return replay(options);
  }
  if (options.trace_messages) return usage("--trace-messages is of one seed: give it by --seed.");
  if (options.seeds == 0) return usage("--seeds is at least 1.");
  if (options.seeds > std::numeric_limits<std::uint64_t>::max() - options.first_seed)
    return usage("--first-seed and --seeds lead past 2^64.");
  return hunt_many(options);
}

}  // namespace troupe
