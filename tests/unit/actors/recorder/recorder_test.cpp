#include "actors/recorder/recorder.hpp"

#include <gtest/gtest.h>
#include <caf/send.hpp>

#include "runtime/exec/system.hpp"

namespace troupe {
namespace {

TEST(Recorder, a_request_is_found_by_number_name_and_the_answers_id) {
  EXPECT_TRUE(means_request("17", RequestId{17}, "req-abc"));
  EXPECT_TRUE(means_request("req-abc", RequestId{17}, "req-abc"));
  EXPECT_TRUE(means_request("chatcmpl-req-abc", RequestId{17}, "req-abc"));
  EXPECT_TRUE(means_request("cmpl-req-abc", RequestId{17}, "req-abc-3"));
  EXPECT_FALSE(means_request("req-ab", RequestId{17}, "req-abc"));
  EXPECT_FALSE(means_request("req", RequestId{17}, "req-abc"));
  EXPECT_FALSE(means_request("", RequestId{17}, "-1"));
}

TEST(Recorder, an_unknown_request_is_refused_with_what_to_give) {
  exec::VirtualSystem system;
  trace::FlightRecorder flight(64);
  const RecorderActor recorder = system.spawn<Recorder>(&flight);
  std::optional<Result<std::vector<trace::RequestTrace>>> answer;
  caf::anon_send(recorder, RequestBegan{RequestId{1}, "a"});
  caf::anon_send(recorder, ShowRequest{"b", [&](auto result) { answer = std::move(result); }});
  system.settle();
  ASSERT_TRUE(answer && !answer->ok());
  EXPECT_EQ(answer->error().code, ErrorCode::kMissingInput);
  EXPECT_NE(answer->error().message.find("x-request-id"), std::string::npos);
  caf::anon_send(recorder, ShowRequest{"a", [&](auto result) { answer = std::move(result); }});
  system.settle();
  EXPECT_TRUE(answer->ok());
}

TEST(Recorder, without_a_flight_recorder_it_says_how_to_get_one) {
  exec::VirtualSystem system;
  const RecorderActor recorder = system.spawn<Recorder>(nullptr);
  std::string message;
  caf::anon_send(recorder, ShowRequest{"a", [&](auto result) { message = result.error().message; }});
  system.settle();
  EXPECT_NE(message.find("trace.enabled"), std::string::npos);
}

}  // namespace
}  // namespace troupe
