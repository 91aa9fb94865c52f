#include "tools/troupe/up_log.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace troupe {
namespace {

constexpr const char* kOwnName = "up";
constexpr std::array<const char*, 6> kColours = {"\033[36m", "\033[33m", "\033[35m",
                                                 "\033[32m", "\033[34m", "\033[31m"};
constexpr const char* kBold = "\033[1m";
constexpr const char* kPlain = "\033[0m";

}  // namespace

std::vector<std::string> LineSplitter::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const std::size_t room = kMostLineBytes - begun_.size();
    const std::size_t end = bytes.substr(0, room + 1).find('\n');
    if (end == std::string_view::npos && bytes.size() <= room) {
      begun_.append(bytes);
      break;
    }
    const std::size_t taken = std::min(end, room);
    begun_.append(bytes.substr(0, taken));
    bytes.remove_prefix(end == std::string_view::npos ? taken : taken + 1);
    lines.push_back(std::exchange(begun_, {}));
  }
  return lines;
}

std::vector<std::string> LineSplitter::rest() {
  if (begun_.empty()) return {};
  return {std::exchange(begun_, {})};
}

MergedLog::MergedLog(std::vector<std::string> names, bool colour) : names_(std::move(names)), colour_(colour) {
  width_ = std::string_view(kOwnName).size();
  for (const std::string& name : names_) width_ = std::max(width_, name.size());
}

std::string MergedLog::render(std::size_t source, std::string_view text) const {
  const bool own = source >= names_.size();
  std::string name = own ? kOwnName : names_[source];
  name.append(width_ - name.size(), ' ');
  std::string line =
      colour_ ? std::string(own ? kBold : kColours[source % kColours.size()]) + name + " |" + kPlain : name + " |";
  line += ' ';
  for (const char c : text) line += (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f ? ' ' : c;
  return line += '\n';
}

void MergedLog::write(std::size_t source, std::string_view text) const {
  const std::string line = render(source, text);
  for (std::size_t at = 0; at < line.size();) {
    const ssize_t written = ::write(STDOUT_FILENO, line.data() + at, line.size() - at);
    if (written < 0 && errno != EINTR) return;
    if (written > 0) at += static_cast<std::size_t>(written);
  }
}

}  // namespace troupe
