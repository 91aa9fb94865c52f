#include "tools/troupe/up_restarts.hpp"

#include <cstring>
#include <utility>

#include "tools/troupe/exit_codes.hpp"

namespace troupe {
namespace {

const char* meaning(int code) {
  switch (code) {
    case kExitUsage:
      return "usage";
    case kExitData:
      return "bad data";
    case kExitNoInput:
      return "missing input";
    case kExitUnavailable:
      return "unavailable";
    case kExitInternal:
      return "internal failure";
    case kExitTemporary:
      return "cut what was under way, or try again";
    case kExitConfig:
      return "configuration";
    case kExitInterrupted:
      return "interrupted";
    default:
      return nullptr;
  }
}

bool is_about_input(int code) {
  return code == kExitUsage || code == kExitData || code == kExitNoInput || code == kExitConfig;
}

}  // namespace

std::string described(const Ending& ending) {
  const std::string number = std::to_string(ending.number);
  if (ending.by_signal) {
    const char* name = ::sigabbrev_np(ending.number);
    return "was ended by signal " + number + (name ? std::string(" (SIG") + name + ')' : "");
  }
  const char* why = meaning(ending.number);
  return "exited with " + number + (why ? std::string(" (") + why + ')' : "");
}

AfterEnd Restarts::after(const Ending& ending) {
  const bool first = std::exchange(first_, false);
  if (!ending.by_signal && ending.number == kExitOk) return {};
  if (first && !ending.by_signal && is_about_input(ending.number)) return {{}, ending.number};
  return {waits_.after(ending.lived), {}};
}

}  // namespace troupe
