#include "runtime/exec/thread_team.hpp"

#include <immintrin.h>
#include <pthread.h>

#include <algorithm>
#include <string>

#include "runtime/base/check.hpp"

namespace troupe::exec {
namespace {

/// Looks at `ready` for a short while; false if it stayed false. Between two kernels of a step lie a few microseconds,
/// and waking a thread costs tens; but a core that someone else wants is given up at each turn.
template <class Ready>
bool watch(const Ready& ready) {
  constexpr int kTurns = 50;
  constexpr int kPausesOfTurn = 16;
  for (int turn = 0; turn < kTurns; ++turn) {
    for (int pause = 0; pause < kPausesOfTurn; ++pause) {
      if (ready()) return true;
      _mm_pause();
    }
    std::this_thread::yield();
  }
  return ready();
}

}  // namespace

ThreadTeam::ThreadTeam(std::size_t threads) {
  CHECK(threads >= 1, threads);
  workers_.reserve(threads - 1);
  try {
    for (std::size_t i = 1; i < threads; ++i) {
      workers_.emplace_back([this] { work(); });
      pthread_setname_np(workers_.back().native_handle(), ("kernel-" + std::to_string(i)).substr(0, 15).c_str());
    }
  } catch (...) {
    stop();
    throw;
  }
}

ThreadTeam::~ThreadTeam() { stop(); }

void ThreadTeam::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_arrived_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::run_parts(std::size_t parts, PartFunction function, const void* context) {
  if (parts == 0) return;
  CHECK(!running_.exchange(true, std::memory_order_acquire), parts);
  if (parts == 1 || workers_.empty()) {
    [&]() noexcept {
      for (std::size_t part = 0; part < parts; ++part) function(context, part);
    }();
  } else {
    function_ = function;
    context_ = context;
    parts_ = parts;
    unfinished_.store(parts, std::memory_order_relaxed);
    // Sequentially consistent with a worker that counts itself asleep and then looks at untaken_: one of the two sees
    // the other.
    untaken_.store(parts, std::memory_order_seq_cst);
    std::size_t wake = std::min(sleeping_workers_.load(std::memory_order_seq_cst), parts - 1);
    if (wake > 0) {
      { std::lock_guard lock(mutex_); }  // a worker between its look and its sleep holds the mutex
      for (; wake > 0; --wake) work_arrived_.notify_one();
    }
    take_parts();
    wait_for_the_last_part();
  }
  running_.store(false, std::memory_order_release);
}

void ThreadTeam::take_parts() noexcept {
  std::size_t untaken = untaken_.load(std::memory_order_relaxed);
  while (untaken > 0) {
    if (!untaken_.compare_exchange_weak(untaken, untaken - 1, std::memory_order_acquire, std::memory_order_relaxed))
      continue;
    // The job cannot change now: its run() waits for this part.
    function_(context_, parts_ - untaken);
    if (unfinished_.fetch_sub(1, std::memory_order_seq_cst) == 1 && caller_sleeps_.load(std::memory_order_seq_cst)) {
      { std::lock_guard lock(mutex_); }
      work_done_.notify_one();
    }
    untaken = untaken_.load(std::memory_order_relaxed);
  }
}

void ThreadTeam::wait_for_the_last_part() {
  const auto done = [this] { return unfinished_.load(std::memory_order_seq_cst) == 0; };
  if (watch(done)) return;
  std::unique_lock lock(mutex_);
  caller_sleeps_.store(true, std::memory_order_seq_cst);
  work_done_.wait(lock, done);
  caller_sleeps_.store(false, std::memory_order_relaxed);
}

void ThreadTeam::work() {
  const auto needed = [this] {
    return untaken_.load(std::memory_order_seq_cst) > 0 || stopping_.load(std::memory_order_relaxed);
  };
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (!watch(needed)) {
      std::unique_lock lock(mutex_);
      sleeping_workers_.fetch_add(1, std::memory_order_seq_cst);
      work_arrived_.wait(lock, needed);
      sleeping_workers_.fetch_sub(1, std::memory_order_relaxed);
    }
    take_parts();
  }
}

}  // namespace troupe::exec
