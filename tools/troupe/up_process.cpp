#include "tools/troupe/up_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "runtime/clock/wall_clock.hpp"

namespace troupe {
namespace {

constexpr const char* kThisBinary = "/proc/self/exe";
constexpr std::size_t kMostRead = 64 * 1024;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// This process's environment with `more` over it. A service manager is told about readiness by `troupe up` alone.
std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;
  const auto replaced = [&more](std::string_view variable) {
    const std::string_view name = variable.substr(0, variable.find('=') + 1);
    for (const std::string& one : more) {
      if (std::string_view(one).starts_with(name)) return true;
    }
    return name == "NOTIFY_SOCKET=";
  };
  for (char** each = environ; each && *each; ++each) {
    if (!replaced(*each)) all.emplace_back(*each);
  }
  return all;
}

Error system_error(const char* what) {
  return {ErrorCode::kUnavailable, std::string(what) + " failed: " + std::strerror(errno) + "."};
}

/// Between fork and exec: nothing but calls that are safe there.
[[noreturn]] void become(const std::vector<char*>& argv, const std::vector<char*>& envp, int output, int nothing,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  ::setpgid(0, 0);
  ::signal(SIGPIPE, SIG_DFL);
  if (::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(output, STDERR_FILENO) >= 0)
    ::execve(kThisBinary, argv.data(), envp.data());
  constexpr std::string_view kWhy = "troupe: this binary cannot be started as a node\n";
  [[maybe_unused]] const auto written = ::write(output, kWhy.data(), kWhy.size());
  ::_exit(127);
}

}  // namespace

Result<NodeProcess> NodeProcess::start(const ChildCommand& command) {
  std::vector<std::string> words = {"troupe"};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> variables = environment_with(command.environment);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(variables);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("Making a pipe");
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getpid();
  const pid_t pid = nothing < 0 ? -1 : ::fork();
  if (pid == 0) become(argv, envp, ends[1], nothing, parent);
  Error failure = system_error("Starting a process");
  ::close(ends[1]);
  if (nothing >= 0) ::close(nothing);
  if (pid < 0) {
    ::close(ends[0]);
    return failure;
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return NodeProcess(pid, ends[0]);
}

NodeProcess::NodeProcess(pid_t pid, int output) : pid_(pid), output_(output), started_(clock::steady_now()) {}

NodeProcess::NodeProcess(NodeProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), output_(std::exchange(other.output_, -1)), started_(other.started_) {}

NodeProcess& NodeProcess::operator=(NodeProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(output_, other.output_);
  std::swap(started_, other.started_);
  return *this;
}

NodeProcess::~NodeProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (output_ >= 0) ::close(output_);
}

std::string NodeProcess::read_output() {
  std::string bytes(kMostRead, '\0');
  const ssize_t got = output_ < 0 ? -1 : ::read(output_, bytes.data(), bytes.size());
  if (got == 0) {
    ::close(output_);
    output_ = -1;
  }
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

void NodeProcess::send(int signal) const {
  if (pid_ > 0) ::kill(pid_, signal);
}

std::optional<Ending> NodeProcess::reap() {
  int status = 0;
  if (pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return {};
  pid_ = -1;
  Ending ending;
  ending.by_signal = WIFSIGNALED(status);
  ending.number = ending.by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
  ending.lived = std::chrono::duration_cast<std::chrono::milliseconds>(clock::steady_now() - started_);
  return ending;
}

}  // namespace troupe
