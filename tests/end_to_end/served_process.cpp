#include "tests/end_to_end/served_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace troupe::end_to_end {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a server may take to load: far more than it needs, so that a busy machine fails no test.
constexpr std::chrono::milliseconds kStartLimit{30'000};
constexpr std::chrono::milliseconds kCommandLimit{60'000};
/// Between two looks at what a starting server has written.
constexpr std::chrono::milliseconds kLook{5};
constexpr const char* kListening = "Listening on ";

int memory_file(const char* name) {
  const int file = ::memfd_create(name, MFD_CLOEXEC);
  if (file < 0) throw std::runtime_error("memfd_create failed: errno " + std::to_string(errno));
  return file;
}

std::string contents(int file) {
  std::string text;
  std::array<char, 16384> piece;
  while (true) {
    const auto count = ::pread(file, piece.data(), piece.size(), static_cast<off_t>(text.size()));
    if (count <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> serve_arguments(const std::string& model, const std::vector<std::string>& flags) {
  std::vector<std::string> arguments{"serve", model, "--port", "0"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return arguments;
}

}  // namespace

std::string troupe_binary() {
  const char* chosen = std::getenv("TROUPE_BINARY");
  return chosen && *chosen ? chosen : TROUPE_BINARY;
}

std::string demo_model() { return std::string(TROUPE_SOURCE_DIR) + "/tools/demo_model/checkpoint"; }

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const std::vector<std::string>& environment)
    : output_(memory_file("stdout")), error_(memory_file("stderr")) {
  // Everything the child needs is made before the fork: between fork and exec only async-signal-safe calls are allowed.
  std::vector<std::string> words{troupe_binary()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = environment;
  // Settings and proxies of whoever runs the tests are none of the child's.
  for (char** each = environ; *each; ++each)
    if (!std::string_view(*each).starts_with("TROUPE_")) variables.emplace_back(*each);
  const auto argv = pointers(words);
  const auto envp = pointers(variables);
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed: errno " + std::to_string(errno));
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed: errno " + std::to_string(errno));
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(output_, STDOUT_FILENO);
    ::dup2(error_, STDERR_FILENO);
    ::fcntl(ends[1], F_SETFD, 0);
    ::execve(argv.front(), argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(nothing);
  ::close(ends[1]);
  alive_ = ends[0];
}

ChildProcess::~ChildProcess() {
  if (!exit_) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  for (const int file : {output_, error_, alive_}) ::close(file);
}

std::string ChildProcess::standard_output() const { return contents(output_); }
std::string ChildProcess::standard_error() const { return contents(error_); }

std::optional<int> ChildProcess::wait(std::chrono::milliseconds limit) {
  if (exit_) return exit_;
  const auto end = Clock::now() + limit;
  pollfd ended{alive_, POLLIN, 0};
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    const int found = ::poll(&ended, 1, left > 0 ? static_cast<int>(left) : 0);
    if (found > 0) break;
    if (found == 0) return std::nullopt;
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_;
}

void ChildProcess::signal(int number) const {
  if (!exit_) ::kill(pid_, number);
}

std::size_t ChildProcess::open_files() const {
  const std::filesystem::directory_iterator files("/proc/" + std::to_string(pid_) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

CommandOutcome run_troupe(const std::vector<std::string>& arguments) {
  ChildProcess command(arguments);
  const auto code = command.wait(kCommandLimit);
  return {code.value_or(-1), command.standard_output(), command.standard_error()};
}

ServedProcess::ServedProcess(const std::vector<std::string>& flags, const std::string& model)
    : process_(serve_arguments(model, flags)) {
  const auto end = Clock::now() + kStartLimit;
  while (true) {
    const auto ended = process_.wait(kLook);
    const auto text = process_.standard_output();
    const auto at = text.find(kListening);
    const auto stop = at == std::string::npos ? at : text.find_first_of(" \n", at + std::string(kListening).size());
    if (!ended && stop != std::string::npos) {
      const auto from = at + std::string(kListening).size();
      url_ = text.substr(from, stop - from);
      return;
    }
    if (ended || Clock::now() > end)
      throw std::runtime_error(
          "troupe serve " +
          (ended ? "ended with code " + std::to_string(*ended) : std::string("did not come to serve")) + ":\n" + text +
          process_.standard_error());
  }
}

}  // namespace troupe::end_to_end
