// A process that plays seeds, and the pipe by which it tells what came of them, line by line.
//
// Promises: a worker never outlives its parent; one that dies, or plays one seed for longer than kMostSeedSeconds of
// the processor's time, is a failure of the seed that it played.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "tools/hunt/hunt.hpp"

namespace troupe {

inline constexpr int kMostSeedSeconds = 120;

/// Every `every`-th seed from `first` on, as long as it is below `end`.
struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t end = 2;
  std::uint64_t every = 1;
};

/// What a worker plays and tells.
struct WorkerTask {
  SeedRange seeds;
  bool faults = true;
  bool events = false;    ///< what is planned, and what nodes log
  bool messages = false;  ///< each message
};

/// What is heard of a worker.
struct WorkerNews {
  std::function<void(const hunt::HuntResult&)> ended;             ///< a seed, with or without violations
  std::function<void(std::string_view line, bool message)> line;  ///< a message or an event in words, in order
};

class HuntWorker {
 public:
  /// Forks. kUnavailable: no process or pipe. The calling process has one thread.
  static Result<HuntWorker> start(const WorkerTask& task, WorkerNews news);
  HuntWorker(HuntWorker&& other) noexcept;
  HuntWorker& operator=(HuntWorker&&) = delete;
  /// Kills the process and waits for it.
  ~HuntWorker();

  pid_t pid() const { return pid_; }
  /// To poll for input; -1 once it has ended.
  int output() const { return output_; }
  /// Takes what is there. When the process has ended before it was done, its last seed ends with a violation.
  void read();

 private:
  HuntWorker(pid_t pid, int output, WorkerNews news);
  void take(std::string_view line);
  void end();

  pid_t pid_ = -1;
  int output_ = -1;
  WorkerNews news_;
  std::string unfinished_;
  std::uint64_t last_seed_ = 0;
  std::optional<hunt::HuntResult> playing_;
  std::vector<std::string> complaints_;  ///< what it wrote beside the protocol: a CHECK's last words
};

}  // namespace troupe
