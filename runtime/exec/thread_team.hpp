// The threads that share a device's kernels.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "kernels/core/parallel.hpp"

namespace troupe::exec {

/// `threads` threads, the caller of run() among them; the others live as long as the team. Parts are taken one by one
/// by whoever is free, so a thread that lost its core holds up one part and no more. A thread without work watches for
/// some ten microseconds, letting others run, then sleeps: an idle team costs nothing.
///
/// run() may be called from any thread, one call at a time (checked), and does not allocate. Results never depend on
/// the team's size: see kernels::Parallel. A part must not throw: the process would end.
class ThreadTeam final : public kernels::Parallel {
 public:
  /// At least 1. Throws std::system_error where the system refuses a thread.
  explicit ThreadTeam(std::size_t threads);
  ~ThreadTeam() override;
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  std::size_t width() const override { return workers_.size() + 1; }

 private:
  void run_parts(std::size_t parts, PartFunction function, const void* context) override;
  void work();
  void take_parts() noexcept;
  void wait_for_the_last_part();
  void stop();

  // The job: written while no part is untaken or unfinished, published by untaken_.
  PartFunction function_ = nullptr;
  const void* context_ = nullptr;
  std::size_t parts_ = 0;

  // Apart from each other: takers would otherwise slow down the waiting caller.
  alignas(64) std::atomic<std::size_t> untaken_{0};
  alignas(64) std::atomic<std::size_t> unfinished_{0};
  alignas(64) std::atomic<std::size_t> sleeping_workers_{0};
  std::atomic<bool> caller_sleeps_{false};
  std::atomic<bool> running_{false};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::condition_variable work_arrived_;
  std::condition_variable work_done_;
  std::vector<std::thread> workers_;
};

}  // namespace troupe::exec
