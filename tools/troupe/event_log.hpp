// What a node writes to stderr about itself: one line an event.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "runtime/config/serve_config.hpp"

namespace troupe {

/// Any thread may write. No text of prompts or answers is ever written.
class EventLog {
 public:
  /// kAuto is text where stderr is a terminal and one JSON object a line elsewhere.
  explicit EventLog(config::LogSection section);

  /// `fields`: an object of numbers and texts. Nothing below the level of the configuration is written.
  void write(config::LogLevel level, std::string_view event,
             const nlohmann::ordered_json& fields = nlohmann::ordered_json::object());

 private:
  config::LogLevel least_;
  bool json_;
  std::mutex mutex_;
};

/// The line without its end: {"ts", "level", "event", ...fields}, or "12:00:00.123 level event key=value ...". Control
/// characters in texts are escaped in both.
std::string log_line(bool json, std::int64_t unix_nanoseconds, config::LogLevel level, std::string_view event,
                     const nlohmann::ordered_json& fields);

}  // namespace troupe
