#include "runtime/model/host_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/base/file.hpp"

namespace troupe::model {
namespace {

constexpr std::size_t kLimit = 1 << 20;

/// The number at the start of `text`, or none.
std::optional<std::uint64_t> leading_number(const std::string& text, std::size_t at) {
  at = text.find_first_not_of(" \t", at);
  if (at == std::string::npos || text[at] < '0' || text[at] > '9') return std::nullopt;
  std::uint64_t value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && value < (std::uint64_t{1} << 58); ++at)
    value = value * 10 + static_cast<std::uint64_t>(text[at] - '0');
  return value;
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  const auto text = read_file(path, kLimit);
  return text.ok() ? leading_number(*text, 0) : std::nullopt;
}

}  // namespace

std::size_t available_memory_bytes() {
  std::uint64_t bytes = 0;
  if (const auto text = read_file("/proc/meminfo", kLimit); text.ok()) {
    const std::string key = "MemAvailable:";
    if (const auto at = text->find(key); at != std::string::npos)
      bytes = leading_number(*text, at + key.size()).value_or(0) * 1024;
  }
  // In a container the unified hierarchy's own group is mounted here; "max" is no number.
  const auto most = number_in("/sys/fs/cgroup/memory.max");
  const auto used = number_in("/sys/fs/cgroup/memory.current");
  if (most && used) bytes = std::min<std::uint64_t>(bytes, *most > *used ? *most - *used : 0);
  return bytes;
}

}  // namespace troupe::model
