// Child processes of the end-to-end tests: the real `troupe` binary, serving or running one command.
// Promises: a child never outlives the object that started it, nor the test program, however a test ends; what it wrote
// can be read. Start children on the main thread: a child is killed when the thread that started it ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace troupe::end_to_end {

/// The binary under test: the variable TROUPE_BINARY, else the path that the build gave.
std::string troupe_binary();
/// The 3 M parameter model of the repository, served as "checkpoint".
std::string demo_model();

/// A running program with its output. Killed and reaped when it goes.
class ChildProcess {
 public:
  /// `arguments` without the program's name; `environment` entries ("NAME=value") come on top of the test's own.
  explicit ChildProcess(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// What it wrote so far.
  std::string standard_output() const;
  std::string standard_error() const;
  /// Waits until it has ended and returns its exit code, or 128 + the signal that ended it; none where it is still
  /// running after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);
  void signal(int number) const;
  /// Open file descriptors.
  std::size_t open_files() const;

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  int error_ = -1;
  int alive_ = -1;  // reads end of file when the child has ended
  std::optional<int> exit_;
};

struct CommandOutcome {
  int exit_code = -1;  ///< -1: had to be killed
  std::string out;
  std::string err;
};

/// `troupe ARGUMENTS...` from start to end; killed after a minute.
CommandOutcome run_troupe(const std::vector<std::string>& arguments);

/// `troupe serve MODEL --port 0 FLAGS...`, serving when the constructor returns. Throws std::runtime_error with what
/// the server wrote where it does not come to serve.
class ServedProcess {
 public:
  explicit ServedProcess(const std::vector<std::string>& flags = {}, const std::string& model = demo_model());

  /// "http://127.0.0.1:PORT"
  const std::string& url() const { return url_; }
  ChildProcess& process() { return process_; }

 private:
  ChildProcess process_;
  std::string url_;
};

}  // namespace troupe::end_to_end
