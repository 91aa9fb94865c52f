// The processes of a sweep: each run is a child that writes its answer into a pipe and ends.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include "tools/simulate/sweep.hpp"

namespace troupe::simulate {
namespace {

static_assert(std::is_trivially_copyable_v<SweepFigures>);

struct Child {
  pid_t pid = -1;
  int pipe = -1;
  std::size_t place = 0;
  std::string said;
};

constexpr char kGood = '+', kBad = '-';

void write_all(int pipe, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto wrote = ::write(pipe, text.data() + at, text.size() - at);
    if (wrote < 0 && errno != EINTR) return;
    if (wrote > 0) at += static_cast<std::size_t>(wrote);
  }
}

/// A sign, then the figures as they lie in memory, or an error's code and words: both ends are the same program.
std::string packed(const Result<SweepFigures>& result) {
  if (!result.ok()) return kBad + std::string(1, static_cast<char>(result.error().code)) + result.error().message;
  std::string out(1 + sizeof(SweepFigures), kGood);
  std::memcpy(out.data() + 1, &result.value(), sizeof(SweepFigures));
  return out;
}

Result<SweepFigures> unpacked(const std::string& said) {
  SweepFigures figures;
  if (said.size() == 1 + sizeof figures && said[0] == kGood) {
    std::memcpy(&figures, said.data() + 1, sizeof figures);
    return figures;
  }
  if (said.size() >= 2 && said[0] == kBad) return Error{static_cast<ErrorCode>(said[1]), said.substr(2)};
  return Error{ErrorCode::kInternal,
               "a run of the sweep ended without an answer; it may have been killed for its memory. Run it alone, or "
               "fewer at once (--jobs)."};
}

Result<Child> start(std::size_t place, const std::function<Result<SweepFigures>(std::size_t)>& run) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Error{ErrorCode::kInternal, std::string("no pipe for a run of the sweep: ") + std::strerror(errno) + "."};
  const pid_t pid = ::fork();
  if (pid < 0) {
    const int why = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    return Error{ErrorCode::kInternal, std::string("no process for a run of the sweep: ") + std::strerror(why) + "."};
  }
  if (pid == 0) {
    ::close(ends[0]);
    write_all(ends[1], packed(run(place)));
    ::_exit(0);
  }
  ::close(ends[1]);
  return Child{pid, ends[0], place, {}};
}

void reap(const Child& child) {
  ::close(child.pipe);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
}

void end_all(const std::vector<Child>& children) {
  for (const auto& child : children) {
    ::kill(child.pid, SIGKILL);
    reap(child);
  }
}

/// Whether the child has more to say.
bool listen_to(Child& child) {
  char buffer[4096];
  const auto got = ::read(child.pipe, buffer, sizeof buffer);
  if (got > 0) child.said.append(buffer, static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

}  // namespace

Result<std::vector<SweepFigures>> run_in_processes(std::size_t count, std::size_t at_once,
                                                   const std::function<Result<SweepFigures>(std::size_t)>& run,
                                                   const std::function<void(std::size_t)>& show) {
  std::vector<SweepFigures> out(count);
  std::vector<Child> children;
  std::size_t next = 0, done = 0;
  while (done < count) {
    while (next < count && children.size() < std::max<std::size_t>(at_once, 1)) {
      auto child = start(next++, run);
      if (!child.ok()) {
        end_all(children);
        return child.error();
      }
      children.push_back(std::move(child).value());
    }
    std::vector<pollfd> watched;
    for (const auto& child : children) watched.push_back({child.pipe, POLLIN, 0});
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    for (std::size_t i = watched.size(); i-- > 0;) {
      if (watched[i].revents == 0 || listen_to(children[i])) continue;
      const Child ended = std::move(children[i]);
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
      reap(ended);
      const auto figures = unpacked(ended.said);
      if (!figures.ok()) {
        end_all(children);
        return figures.error();
      }
      out[ended.place] = *figures;
      if (show)
        show(++done);
      else
        ++done;
    }
  }
  return out;
}

}  // namespace troupe::simulate
