// The ways an exchange ends: answered, client gone, dropped, cut, drained.
#include <gmock/gmock.h>

#include <utility>
#include <vector>

#include "tests/unit/runtime/http/harness.hpp"

namespace troupe::http::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr const char* kHold = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(Exchange, HearsThatTheClientLeftWhileTheHandlerThinks) {
  Served served;
  for (const bool reset : {false, true}) {
    RawClient client(served.port());
    client.send(kHold);
    const auto held = served.held.take();
    ASSERT_TRUE(held);
    Signal gone;
    held->on_disconnect([&] { gone.set(); });
    EXPECT_TRUE(held->connected());
    reset ? client.reset() : client.close();
    EXPECT_TRUE(gone.wait());
    EXPECT_FALSE(held->connected());
    EXPECT_FALSE(held->respond(200, "text/plain", "too late"));
  }
  EXPECT_EQ(served.server->stats().disconnects, 2u);
  EXPECT_EQ(served.server->stats().in_flight, 0u);
}

TEST(Exchange, HearsThatTheClientLeftInAQuietStream) {
  Served served;
  RawClient client(served.port());
  client.send(kHold);
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  Signal gone;
  held->on_disconnect([&] { gone.set(); });
  EXPECT_TRUE(held->begin_stream(200, "text/event-stream"));
  EXPECT_TRUE(held->send("data: 1\n\n"));
  client.read_through("data: 1\n\n");
  client.close();
  EXPECT_TRUE(gone.wait());
  EXPECT_FALSE(held->send("data: 2\n\n"));
}

TEST(Exchange, TellsALateListenerAtOnce) {
  Served served;
  RawClient client(served.port());
  client.send(kHold);
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  Signal gone;
  held->on_disconnect([&] { gone.set(); });
  client.close();
  ASSERT_TRUE(gone.wait());
  bool told = false;
  held->on_disconnect([&] { told = true; });
  EXPECT_TRUE(told);
}

TEST(Exchange, IsAnsweredOnceAndThenHearsNothing) {
  Served served;
  RawClient client(served.port());
  client.send(kHold);
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  bool told = false;
  held->on_disconnect([&] { told = true; });
  EXPECT_TRUE(held->respond(201, "text/plain", "first"));
  EXPECT_FALSE(held->respond(200, "text/plain", "second"));
  EXPECT_FALSE(held->begin_stream(200, "text/plain"));
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "first");
  client.close();
  while (served.server->connections() > 0) std::this_thread::yield();
  EXPECT_FALSE(told);
}

TEST(Exchange, ThatIsDroppedGivesA500) {
  Served served;
  RawClient client(served.port());
  client.send(kHold);
  served.held.take().reset();
  EXPECT_EQ(client.read_answer().status, 500);
  client.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(Exchange, ThatIsDroppedOrAbortedInAStreamIsCutVisibly) {
  Served served;
  for (const bool abort : {false, true}) {
    RawClient client(served.port());
    client.send(kHold);
    auto held = served.held.take();
    ASSERT_TRUE(held);
    EXPECT_TRUE(held->begin_stream(200, "text/event-stream"));
    EXPECT_TRUE(held->send("data: 1\n\n"));
    if (abort) {
      EXPECT_TRUE(held->abort_stream());
    }
    held.reset();
    const auto all = client.read_to_end();
    EXPECT_THAT(all, HasSubstr("data: 1\n\n"));
    EXPECT_EQ(all.find("\r\n0\r\n\r\n"), std::string::npos);
  }
}

TEST(Exchange, CutsAnHttp10StreamByResettingIt) {
  Served served;
  RawClient client(served.port());
  client.send("GET /hold HTTP/1.0\r\n\r\n");
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->begin_stream(200, "text/event-stream"));
  client.read_through("\r\n\r\n");
  EXPECT_TRUE(held->abort_stream());
  client.read_to_end();
  EXPECT_TRUE(client.was_reset());
}

TEST(Exchange, OutlivesItsServer) {
  auto served = std::make_unique<Served>();
  RawClient client(served->port());
  client.send(kHold);
  const auto held = served->held.take();
  ASSERT_TRUE(held);
  bool told = false;
  held->on_disconnect([&] { told = true; });
  served.reset();
  EXPECT_TRUE(told);
  EXPECT_FALSE(held->respond(200, "text/plain", "x"));
}

TEST(Exchange, SendsALargeAnswerWhole) {
  Served served;
  RawClient client(served.port());
  client.send(kHold);
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  const std::string body(std::size_t{9} << 20, 'b');
  EXPECT_TRUE(held->respond(200, "text/plain", body));
  EXPECT_TRUE(client.read_answer().body == body);
}

TEST(EventStream, PingsASilentClient) {
  auto config = test_config();
  config.limits.stream_ping = milliseconds(5);
  Served served(std::move(config));
  RawClient client(served.port());
  client.send(kHold);
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->begin_stream(200, "text/event-stream"));
  EXPECT_THAT(client.read_through(": ping\n\n\r\n"), HasSubstr("\r\n8\r\n: ping\n\n\r\n"));
  EXPECT_THAT(client.read_through(": ping\n\n\r\n"), HasSubstr("8\r\n: ping\n\n\r\n"));
  EXPECT_TRUE(held->end_stream());
  EXPECT_THAT(client.read_through("0\r\n\r\n"), HasSubstr("0\r\n\r\n"));
}

TEST(Drain, ClosesIdleConnectionsAndRefusesNewOnes) {
  Served served;
  RawClient idle(served.port());
  idle.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(idle.read_answer().status, 200);
  std::promise<std::size_t> drained;
  served.server->drain(std::chrono::hours(1), [&](std::size_t cut) { drained.set_value(cut); });
  EXPECT_EQ(idle.read_to_end(), "");
  auto result = drained.get_future();
  ASSERT_EQ(result.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(result.get(), 0u);
  EXPECT_FALSE(RawClient(served.port()).connected());
}

TEST(Drain, LetsAnAnswerEndAndThenCloses) {
  Served served;
  RawClient client(served.port());
  client.send(kHold);
  auto held = served.held.take();
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->begin_stream(200, "text/event-stream"));
  client.read_through("\r\n\r\n");
  std::promise<std::size_t> drained;
  served.server->drain(std::chrono::hours(1), [&](std::size_t cut) { drained.set_value(cut); });
  EXPECT_TRUE(held->send("data: 1\n\n"));
  EXPECT_TRUE(held->end_stream());
  EXPECT_EQ(client.read_to_end(), "9\r\ndata: 1\n\n\r\n0\r\n\r\n");
  client.close();
  auto result = drained.get_future();
  ASSERT_EQ(result.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(result.get(), 0u);
}

TEST(Drain, CutsWhatIsLeftAtItsDeadlineAndCountsIt) {
  Served served;
  RawClient client(served.port());
  client.send(kHold);
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  Signal gone;
  held->on_disconnect([&] { gone.set(); });
  std::promise<std::size_t> drained;
  served.server->drain(milliseconds(20), [&](std::size_t cut) { drained.set_value(cut); });
  EXPECT_TRUE(gone.wait());
  EXPECT_EQ(drained.get_future().get(), 1u);
}

TEST(ServerStats, CountAnswersByStatus) {
  Served served;
  EXPECT_EQ(served.ask("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
  EXPECT_EQ(served.ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status, 404);
  EXPECT_EQ(served.ask("nonsense\n").status, 400);
  const auto stats = served.server->stats();
  EXPECT_EQ(stats.requests, 3u);
  EXPECT_THAT(stats.answers_by_status,
              testing::ElementsAre(testing::Pair(200, 1u), testing::Pair(400, 1u), testing::Pair(404, 1u)));
}

TEST(ServerConfig, IsToldOfEveryAnswerWithItsRoute) {
  std::vector<std::pair<int, std::optional<std::size_t>>> told;
  auto config = test_config();
  config.on_answer = [&](int status, std::optional<std::size_t> route) { told.emplace_back(status, route); };
  {
    Served served(std::move(config));
    RawClient client(served.port());
    client.send(
        "GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\nPOST /small HTTP/1.1\r\nHost: "
        "a\r\nContent-Length: 17\r\n\r\n");
    client.read_to_end();
    EXPECT_EQ(served.ask("nonsense\n").status, 400);
  }
  using testing::Pair;
  EXPECT_THAT(told, testing::ElementsAre(Pair(200, testing::Optional(0u)), Pair(404, std::nullopt),
                                         Pair(413, testing::Optional(5u)), Pair(400, std::nullopt)));
}

}  // namespace
}  // namespace troupe::http::test
