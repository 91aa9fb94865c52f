// The protocol: a word in the first column says what a line is; any other line is what the process wrote to stderr.
//   @begin SEED | @event TEXT | @message TEXT | @violation INVARIANT REQUEST TEXT | @happened TIMES WHAT
//   @end SEED HASH MESSAGES ...
#include "tools/troupe/hunt_worker.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t kMostComplaints = 20;
/// Of a hundred seeds one is played twice, and must go the same way.
constexpr std::uint64_t kTwiceEvery = 100;

/// Writes whole lines, at once: what a process that aborts has told must be out by then.
class Teller {
 public:
  explicit Teller(int output) : output_(output) {}

  void line(std::string text) {
    for (char& c : text)
      if (c == '\n') c = ' ';
    text += '\n';
    for (std::string_view rest = text; !rest.empty();) {
      const auto written = ::write(output_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) std::_Exit(1);  // nobody listens
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }

 private:
  int output_;
};

void limit_seed() {
  itimerval limit{};
  limit.it_value.tv_sec = kMostSeedSeconds;
  ::setitimer(ITIMER_VIRTUAL, &limit, nullptr);
}

void play(const WorkerTask& task, Teller& teller) {
  hunt::HuntTelling telling;
  if (task.events) telling.event = [&](std::string_view text) { teller.line("@event " + std::string(text)); };
  if (task.messages) telling.message = [&](std::string_view text) { teller.line("@message " + std::string(text)); };
  for (auto seed = task.seeds.first; seed < task.seeds.end; seed += task.seeds.every) {
    teller.line("@begin " + std::to_string(seed));
    limit_seed();
    auto result = hunt::hunt(seed, task.faults, telling);
    if (seed % kTwiceEvery == 0 && hunt::hunt(seed, task.faults).hash != result.hash)
      result.violations.push_back({"D1", "the same seed went another way the second time"});
    for (const auto& violation : result.violations)
      teller.line("@violation " + violation.invariant + " " + std::to_string(violation.request.value) + " " +
                  violation.what);
    for (const auto& [what, times] : result.happened) teller.line("@happened " + std::to_string(times) + " " + what);
    char numbers[256];
    std::snprintf(numbers, sizeof numbers, "@end %llu %llu %llu %llu %llu %llu %.9g %.9g",
                  static_cast<unsigned long long>(seed), static_cast<unsigned long long>(result.hash),
                  static_cast<unsigned long long>(result.messages), static_cast<unsigned long long>(result.retries),
                  static_cast<unsigned long long>(result.requests), static_cast<unsigned long long>(result.errors),
                  result.virtual_seconds, result.recovery_seconds);
    teller.line(numbers);
    if (task.seeds.end - seed <= task.seeds.every) break;  // where the last seeds are the last numbers that there are
  }
}

std::string_view next_word(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

template <class Number>
Number next_number(std::string_view& text) {
  const auto word = next_word(text);
  Number number{};
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGVTALRM)
    return "took more than " + std::to_string(kMostSeedSeconds) +
           " s of the processor's time: its actors may send each other messages without end";
  if (WIFSIGNALED(status)) return std::string("ended its process by ") + ::strsignal(WTERMSIG(status));
  return "ended its process with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Result<HuntWorker> HuntWorker::start(const WorkerTask& task, WorkerNews news) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Error{ErrorCode::kUnavailable, std::string("No pipe for a process that hunts: ") + std::strerror(errno)};
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    const std::string why = std::strerror(errno);
    ::close(ends[0]);
    ::close(ends[1]);
    return Error{ErrorCode::kUnavailable, "No process that hunts: " + why + ". Ask for fewer with --jobs."};
  }
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) std::_Exit(1);
    ::dup2(ends[1], STDERR_FILENO);
    Teller teller(ends[1]);
    play(task, teller);
    std::_Exit(0);
  }
  ::close(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return HuntWorker(pid, ends[0], std::move(news));
}

HuntWorker::HuntWorker(pid_t pid, int output, WorkerNews news) : pid_(pid), output_(output), news_(std::move(news)) {}

HuntWorker::HuntWorker(HuntWorker&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      news_(std::move(other.news_)),
      unfinished_(std::move(other.unfinished_)),
      last_seed_(other.last_seed_),
      playing_(std::move(other.playing_)),
      complaints_(std::move(other.complaints_)) {}

HuntWorker::~HuntWorker() {
  if (output_ >= 0) ::close(output_);
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void HuntWorker::read() {
  char buffer[65536];
  for (;;) {
    const auto got = ::read(output_, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;
    if (got == 0) return end();
    unfinished_.append(buffer, static_cast<std::size_t>(got));
    std::size_t from = 0;
    for (auto at = unfinished_.find('\n'); at != std::string::npos; at = unfinished_.find('\n', from)) {
      take(std::string_view(unfinished_).substr(from, at - from));
      from = at + 1;
    }
    unfinished_.erase(0, from);
  }
}

void HuntWorker::take(std::string_view line) {
  if (!line.starts_with('@')) {
    if (complaints_.size() < kMostComplaints) complaints_.emplace_back(line);
    return;
  }
  const auto what = next_word(line);
  if (what == "@begin") {
    last_seed_ = playing_.emplace().seed = next_number<std::uint64_t>(line);
    complaints_.clear();
  } else if (what == "@event" || what == "@message") {
    if (news_.line) news_.line(line, what == "@message");
  } else if (what == "@violation" && playing_) {
    hunt::Violation violation;
    violation.invariant = next_word(line);
    violation.request.value = next_number<std::uint64_t>(line);
    violation.what = line;
    playing_->violations.push_back(std::move(violation));
  } else if (what == "@happened" && playing_) {
    const auto times = next_number<std::uint64_t>(line);
    playing_->happened[std::string(line)] = times;
  } else if (what == "@end" && playing_) {
    playing_->seed = next_number<std::uint64_t>(line);
    playing_->hash = next_number<std::uint64_t>(line);
    playing_->messages = next_number<std::uint64_t>(line);
    playing_->retries = next_number<std::uint64_t>(line);
    playing_->requests = next_number<std::uint64_t>(line);
    playing_->errors = next_number<std::uint64_t>(line);
    playing_->virtual_seconds = next_number<double>(line);
    playing_->recovery_seconds = next_number<double>(line);
    news_.ended(*std::exchange(playing_, std::nullopt));
  }
}

void HuntWorker::end() {
  ::close(std::exchange(output_, -1));
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  if (!playing_ && WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (!playing_) playing_.emplace().seed = last_seed_;
  std::string why = how_it_ended(status);
  for (const auto& complaint : complaints_) why += "\n    " + complaint;
  playing_->violations.push_back({"CHECK", "the seed " + why});
  news_.ended(*std::exchange(playing_, std::nullopt));
}

}  // namespace troupe
