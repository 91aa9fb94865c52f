#include "runtime/metrics/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace troupe::metrics {
namespace {

/// Files of /proc have no size that can be asked for, and these are short.
std::string read_proc(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

double boot_time() {
  std::istringstream lines(read_proc("/proc/stat"));
  for (std::string line; std::getline(lines, line);)
    if (line.rfind("btime ", 0) == 0) return std::strtod(line.c_str() + 6, nullptr);
  return 0;
}

double count_fds() {
  std::error_code failed;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", failed), end; !failed && at != end; at.increment(failed))
    ++count;
  // The iteration itself holds one open.
  return count > 0 ? count - 1 : 0;
}

}  // namespace

ProcessFigures parse_process_stat(std::string_view stat, double boot_seconds, double ticks_per_second,
                                  double page_bytes) {
  // Field numbers are those of proc(5); the third follows the last bracket.
  constexpr std::size_t kFirst = 3, kUserTime = 14, kSystemTime = 15, kThreads = 20, kStart = 22, kVirtual = 23,
                        kResident = 24;
  const auto bracket = stat.rfind(')');
  if (bracket == std::string_view::npos) return {};
  stat.remove_prefix(bracket + 1);
  std::array<double, kResident + 1> field{};
  for (std::size_t number = kFirst; number <= kResident; ++number) {
    const auto start = stat.find_first_not_of(' ');
    if (start == std::string_view::npos) return {};
    stat.remove_prefix(start);
    const auto word = stat.substr(0, stat.find_first_of(" \n"));
    long long value = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
    if (number > kFirst && read.ec != std::errc()) return {};
    field[number] = static_cast<double>(value);
    stat.remove_prefix(word.size());
  }
  ProcessFigures figures;
  figures.cpu_seconds = (field[kUserTime] + field[kSystemTime]) / ticks_per_second;
  figures.threads = field[kThreads];
  figures.start_time_seconds = boot_seconds + field[kStart] / ticks_per_second;
  figures.virtual_bytes = field[kVirtual];
  figures.resident_bytes = field[kResident] * page_bytes;
  return figures;
}

ProcessFigures read_process_figures() {
  static const double boot_seconds = boot_time();
  auto figures =
      parse_process_stat(read_proc("/proc/self/stat"), boot_seconds, static_cast<double>(::sysconf(_SC_CLK_TCK)),
                         static_cast<double>(::sysconf(_SC_PAGESIZE)));
  figures.open_fds = count_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_fds = static_cast<double>(limit.rlim_cur);
  return figures;
}

}  // namespace troupe::metrics
