#include "tools/troupe/event_log.hpp"

#include <cstdio>

#include <unistd.h>

#include "runtime/clock/wall_clock.hpp"

namespace troupe {
namespace {

const char* word(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kDebug:
      return "debug";
    case config::LogLevel::kInfo:
      return "info";
    case config::LogLevel::kWarning:
      return "warning";
    case config::LogLevel::kError:
      break;
  }
  return "error";
}

}  // namespace

std::string log_line(bool json, std::int64_t unix_nanoseconds, config::LogLevel level, std::string_view event,
                     const nlohmann::ordered_json& fields) {
  using Json = nlohmann::ordered_json;
  const std::string time = clock::rfc3339(unix_nanoseconds);
  if (json) {
    Json line = {{"ts", time}, {"level", word(level)}, {"event", event}};
    line.update(fields);
    return line.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  std::string line = time.substr(11, 12) + " " + word(level) + " " + std::string(event);
  for (const auto& [key, value] : fields.items())
    line += " " + key + "=" + value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return line;
}

EventLog::EventLog(config::LogSection section)
    : least_(section.level),
      json_(section.format == config::LogFormat::kJson ||
            (section.format == config::LogFormat::kAuto && ::isatty(STDERR_FILENO) == 0)) {}

void EventLog::write(config::LogLevel level, std::string_view event, const nlohmann::ordered_json& fields) {
  if (level < least_) return;
  const std::string line = log_line(json_, clock::unix_nanoseconds(), level, event, fields) + "\n";
  const std::lock_guard lock(mutex_);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace troupe
