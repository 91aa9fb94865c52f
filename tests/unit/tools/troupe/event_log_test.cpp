#include "tools/troupe/event_log.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::int64_t kTime = 1'795'249'646'000'000'123;

TEST(EventLog, a_json_line_is_one_object_with_the_fields_after_the_event) {
  EXPECT_EQ(
      log_line(true, kTime, config::LogLevel::kInfo, "request_ended", Json{{"name", "a\nb"}, {"tokens", 3}}),
      R"({"ts":"2026-11-21T08:27:26.000000123Z","level":"info","event":"request_ended","name":"a\nb","tokens":3})");
}

TEST(EventLog, a_text_line_shows_the_time_of_day) {
  EXPECT_EQ(log_line(false, kTime, config::LogLevel::kWarning, "draining", Json{{"calls", 2}}),
            "08:27:26.000 warning draining calls=2");
}

TEST(EventLog, control_characters_of_a_client_cannot_forge_a_line) {
  const auto line = log_line(false, kTime, config::LogLevel::kInfo, "request_ended", Json{{"name", "x\r\n\x1b[2J"}});
  for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

}  // namespace
}  // namespace troupe
