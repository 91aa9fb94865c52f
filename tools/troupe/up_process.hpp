// One node as a child process of `troupe up`: this same binary, its output in a pipe, never outliving its parent.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "tools/troupe/up_restarts.hpp"

namespace troupe {

struct ChildCommand {
  std::vector<std::string> arguments;  ///< behind the binary's name: "node", "--config", ...
  /// "NAME=value", beside this process's own, which they beat.
  std::vector<std::string> environment;
};

/// Movable; ends its process by SIGKILL and waits for it when it goes.
class NodeProcess {
 public:
  /// The child has a process group of its own, so that a terminal's Ctrl-C reaches `troupe up` alone, and nothing on
  /// its standard input. The kernel kills it when the thread that called this ends. kUnavailable: no process or pipe.
  static Result<NodeProcess> start(const ChildCommand& command);
  NodeProcess(NodeProcess&& other) noexcept;
  NodeProcess& operator=(NodeProcess&& other) noexcept;
  ~NodeProcess();

  pid_t pid() const { return pid_; }
  /// To poll for input: stdout and stderr together. -1 once both have ended.
  int output() const { return output_; }
  /// What has been written since; empty where there is nothing now or both have ended.
  std::string read_output();
  void send(int signal) const;
  /// How it ended, once it has. Does not wait; whoever got the answer must not ask again.
  std::optional<Ending> reap();

 private:
  NodeProcess(pid_t pid, int output);
  pid_t pid_ = -1;
  int output_ = -1;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace troupe
