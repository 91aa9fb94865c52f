#include "runtime/trace/flight_recorder.hpp"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include "runtime/trace/request_trace.hpp"

namespace troupe::trace {
namespace {

RequestId none(const void*) { return {}; }
const MessageType kAsk{&typeid(int), "Ask", none, nullptr};
const MessageType kReply{&typeid(long), "Reply", none, nullptr};

Event sent(std::int64_t time, std::uint32_t from, std::uint32_t to, std::uint64_t element,
           const MessageType& type = kAsk) {
  Event event;
  event.time_ns = time;
  event.request = RequestId{7};
  event.from = from;
  event.to = to;
  event.element = element;
  event.type = &type;
  return event;
}

Event handled(std::int64_t time, std::uint32_t to, std::uint64_t element, const char* actor, std::uint32_t took,
              const MessageType& type = kAsk) {
  Event event = sent(time, 0, to, element, type);
  event.kind = EventKind::kHandled;
  event.actor = actor;
  event.handling_ns = took;
  return event;
}

TEST(FlightRecorder, gives_back_what_it_was_given_in_order) {
  FlightRecorder recorder(8);
  recorder.record(sent(10, 1, 2, 100));
  recorder.record(handled(30, 2, 100, "router", 5));
  const auto events = recorder.events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].time_ns, 10);
  EXPECT_EQ(events[0].from, 1u);
  EXPECT_EQ(events[0].to, 2u);
  EXPECT_EQ(events[0].request, RequestId{7});
  EXPECT_EQ(events[1].kind, EventKind::kHandled);
  EXPECT_EQ(events[1].handling_ns, 5u);
  EXPECT_STREQ(events[1].actor, "router");
}

TEST(FlightRecorder, drops_the_oldest_and_counts_them) {
  FlightRecorder recorder(8);
  for (int i = 1; i <= 20; ++i) recorder.record(sent(i, 1, 2, 100));
  const auto events = recorder.events();
  ASSERT_EQ(events.size(), 8u);
  EXPECT_EQ(events.front().time_ns, 13);
  EXPECT_EQ(events.back().time_ns, 20);
  EXPECT_EQ(recorder.dropped(), 12u);
}

TEST(FlightRecorder, readers_see_whole_events_while_others_write) {
  FlightRecorder recorder(64);
  std::vector<std::thread> writers;
  for (std::uint32_t writer = 1; writer <= 2; ++writer)
    writers.emplace_back([&recorder, writer] {
      for (int i = 0; i < 20'000; ++i) recorder.record(sent(writer * 1000, writer, writer, writer));
    });
  for (int i = 0; i < 200; ++i)
    for (const auto& event : recorder.events()) {
      ASSERT_EQ(event.from, event.to);
      ASSERT_EQ(event.time_ns, event.from * 1000);
      ASSERT_EQ(event.element, event.from);
    }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(recorder.events().back().number, 40'000u);
}

TEST(RequestTrace, joins_sendings_with_their_handlings) {
  FlightRecorder recorder(64);
  recorder.record(sent(1000, 1, 2, 100));
  recorder.record(handled(3000, 2, 100, "router", 500));
  recorder.record(sent(3100, 2, 1, 100, kReply));  // the element's memory serves again
  recorder.record(handled(4000, 1, 100, "request", 20, kReply));
  const auto trace = trace_request(RequestId{7}, 1000, recorder.events(), {{100, 3000, "because"}});
  ASSERT_EQ(trace.messages.size(), 2u);
  EXPECT_TRUE(trace.complete);
  EXPECT_EQ(trace.messages[0].from, "request");
  EXPECT_EQ(trace.messages[0].to, "router");
  EXPECT_EQ(trace.messages[0].sent_ns, 0);
  EXPECT_EQ(trace.messages[0].waited_ns, 2000);
  EXPECT_EQ(trace.messages[0].handled_ns, 500);
  EXPECT_EQ(trace.messages[0].note, "because");
  EXPECT_EQ(trace.messages[1].name, "Reply");
  EXPECT_EQ(trace.messages[1].waited_ns, 900);
  EXPECT_NE(as_text(trace).find("request -> router  Ask"), std::string::npos);
  EXPECT_NE(as_text(trace).find("| because"), std::string::npos);
}

TEST(RequestTrace, a_message_on_its_way_has_no_wait_yet) {
  FlightRecorder recorder(64);
  recorder.record(sent(1000, 1, 2, 100));
  const auto trace = trace_request(RequestId{7}, 1000, recorder.events(), {});
  EXPECT_EQ(trace.messages.at(0).waited_ns, -1);
  EXPECT_NE(as_json(trace).find("\"waited_us\":null"), std::string::npos);
}

TEST(RequestTrace, counts_from_its_first_message_and_goes_by_time) {
  FlightRecorder recorder(64);
  recorder.record(sent(950, 1, 3, 300, kReply));
  recorder.record(sent(900, 1, 2, 100));  // another thread's, recorded later
  const auto trace = trace_request(RequestId{7}, 1000, recorder.events(), {});
  EXPECT_EQ(trace.messages.at(0).name, "Ask");
  EXPECT_EQ(trace.messages.at(0).sent_ns, 0);
  EXPECT_EQ(trace.messages.at(1).sent_ns, 50);
}

TEST(RequestTrace, says_when_its_beginning_was_overwritten) {
  FlightRecorder recorder(4);
  for (int i = 0; i < 10; ++i) recorder.record(sent(1000 + i, 1, 2, 100));
  EXPECT_FALSE(trace_request(RequestId{7}, 1000, recorder.events(), {}).complete);
  EXPECT_TRUE(trace_request(RequestId{7}, 1008, recorder.events(), {}).complete);
}

TEST(RequestTrace, a_run_of_one_message_is_one_line) {
  FlightRecorder recorder(64);
  for (int i = 0; i < 5; ++i) recorder.record(sent(1000 + i, 1, 2, static_cast<std::uint64_t>(i)));
  EXPECT_NE(as_text(trace_request(RequestId{7}, 1000, recorder.events(), {})).find("x 5"), std::string::npos);
}

TEST(RequestTrace, a_pair_that_repeats_is_shown_once) {
  FlightRecorder recorder(64);
  for (int i = 0; i < 6; ++i) {
    recorder.record(sent(1000 + 10 * i, 1, 2, 100));
    recorder.record(sent(1005 + 10 * i, 2, 3, 200, kReply));
  }
  const auto text = as_text(trace_request(RequestId{7}, 1000, recorder.events(), {}));
  EXPECT_NE(text.find("Ask  x 6"), std::string::npos) << text;
  EXPECT_NE(text.find("Reply  x 6"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5) << text;
}

}  // namespace
}  // namespace troupe::trace
