// Each limit of the server, at the limit and one past it, and what the refused client is told.
#include <gmock/gmock.h>

#include "tests/unit/runtime/http/harness.hpp"

namespace troupe::http::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }
std::string small(std::size_t bytes) {
  return "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" +
         std::string(bytes, 'x');
}

TEST(ServerLimits, RefuseHeadsThatAreTooLong) {
  Served served;
  const auto padded = [](std::size_t bytes) {
    const std::string start = "GET /livez HTTP/1.1\r\nHost: a\r\nX: ";
    return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(served.ask(padded(8192)).status, 200);
  EXPECT_EQ(served.ask(padded(8193)).status, 431);
  EXPECT_EQ(served.ask(get("/livez?" + std::string(4096 - 7, 'q'))).status, 200);
  EXPECT_EQ(served.ask(get("/livez?" + std::string(4097 - 7, 'q'))).status, 414);
  EXPECT_EQ(served.ask("GET /" + std::string(50'000, 'a')).status, 414);
}

TEST(ServerLimits, RefuseBodiesThatAreTooLarge) {
  Served served;
  EXPECT_EQ(served.ask(small(16)).status, 200);
  EXPECT_EQ(served.ask(small(17)).status, 413);
  EXPECT_EQ(served.ask("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n").status,
            413);
  const std::string chunked = "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(served.ask(chunked + "10\r\n0123456789abcdef\r\n0\r\n\r\n").status, 200);
  EXPECT_EQ(served.ask(chunked + "10\r\n0123456789abcdef\r\n1\r\n").status, 413);
  EXPECT_EQ(served.ask(chunked + "11\r\n").status, 413);
  EXPECT_EQ(served.ask("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").status, 413);
}

TEST(ServerLimits, BoundAllBodiesTogether) {
  auto config = test_config();
  config.limits.total_body_bytes = 100;
  Served served(std::move(config));
  RawClient first(served.port());
  first.send("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n" + std::string(90, 'x'));
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  EXPECT_EQ(served.server->stats().body_bytes_held, 90u);
  const auto refused = served.ask(small(11));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_TRUE(held->respond(200, "text/plain", "done"));
  EXPECT_EQ(first.read_answer().status, 200);
  EXPECT_EQ(served.ask(small(11)).status, 200);
  EXPECT_EQ(served.server->stats().body_bytes_held, 0u);
}

TEST(ServerLimits, TurnAwayConnectionsPastTheLimit) {
  auto config = test_config();
  config.limits.connections_per_peer = 2;
  Served served(std::move(config));
  RawClient first(served.port()), second(served.port());
  for (auto* client : {&first, &second}) {
    client->send(get("/livez"));
    EXPECT_EQ(client->read_answer().status, 200);
  }
  RawClient third(served.port());
  third.send(get("/livez"));
  const auto refused = third.read_answer();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_EQ(third.read_to_end(), "");
  EXPECT_EQ(served.server->stats().connections_refused, 1u);
}

TEST(ServerLimits, GiveAPlaceBackWhenAConnectionEnds) {
  auto config = test_config();
  config.limits.connections = 1;
  Served served(std::move(config));
  for (int i = 0; i < 20; ++i) {
    RawClient client(served.port());
    client.send("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 200) << i;
    client.read_to_end();
    client.close();
    // The server hears of the end on a thread of its own; a turned-away probe tells nothing about when, so wait for its
    // count.
    while (served.server->connections() > 0) std::this_thread::yield();
  }
}

TEST(ServerTimeouts, EndAHeadThatDribbles) {
  auto config = test_config();
  config.limits.head_timeout = milliseconds(40);
  Served served(std::move(config));
  RawClient client(served.port());
  client.send("GET /livez HTTP/1.1\r\nHost");
  EXPECT_EQ(client.read_answer().status, 408);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(ServerTimeouts, EndABodyThatDribbles) {
  auto config = test_config();
  config.limits.body_timeout = milliseconds(40);
  Served served(std::move(config));
  RawClient client(served.port());
  client.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 16\r\n\r\nabc");
  EXPECT_EQ(client.read_answer().status, 408);
}

TEST(ServerTimeouts, CapABodyAtWhateverRate) {
  auto config = test_config();
  config.limits.body_timeout = std::chrono::hours(1);
  config.limits.body_total_timeout = milliseconds(40);
  Served served(std::move(config));
  RawClient client(served.port());
  client.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 16\r\n\r\nabc");
  EXPECT_EQ(client.read_answer().status, 408);
}

TEST(ServerTimeouts, CloseIdleAndSilentConnections) {
  auto config = test_config();
  config.limits.head_timeout = milliseconds(40);
  config.limits.idle_timeout = milliseconds(40);
  Served served(std::move(config));
  RawClient silent(served.port());
  EXPECT_EQ(silent.read_to_end(), "");
  RawClient idle(served.port());
  idle.send(get("/livez"));
  EXPECT_EQ(idle.read_answer().status, 200);
  EXPECT_EQ(idle.read_to_end(), "");
}

TEST(ServerTimeouts, DoNotEndARequestThatTheHandlerThinksAbout) {
  auto config = test_config();
  config.limits.head_timeout = config.limits.body_timeout = config.limits.idle_timeout = milliseconds(1);
  config.limits.head_timeout = milliseconds(500);
  Served served(std::move(config));
  RawClient client(served.port());
  client.send(get("/hold"));
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  // Another connection that idles out shows that the timers have had their turn.
  RawClient other(served.port());
  other.send(get("/livez"));
  other.read_to_end();
  EXPECT_TRUE(held->respond(200, "text/plain", "late"));
  EXPECT_EQ(client.read_answer().body, "late");
}

TEST(ServerTimeouts, CutAReaderThatDoesNotRead) {
  auto config = test_config();
  config.limits.write_timeout = milliseconds(50);
  config.limits.queued_bytes = std::size_t{64} << 20;
  Served served(std::move(config));
  RawClient client(served.port(), 4096);
  client.send(get("/hold"));
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  Signal gone;
  held->on_disconnect([&] { gone.set(); });
  EXPECT_TRUE(held->begin_stream(200, "text/event-stream"));
  // More than any socket buffer takes in, so that the rest has to wait for the reader.
  while (held->unsent_bytes() < (std::size_t{32} << 20) && held->send(std::string(std::size_t{1} << 20, 'x')))
    std::this_thread::yield();
  EXPECT_TRUE(gone.wait());
  EXPECT_FALSE(held->connected());
}

TEST(ServerLimits, CutAStreamWhoseQueueIsFull) {
  auto config = test_config();
  config.limits.queued_bytes = 100'000;
  Served served(std::move(config));
  RawClient client(served.port(), 4096);
  client.send(get("/hold"));
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  Signal gone;
  held->on_disconnect([&] { gone.set(); });
  EXPECT_TRUE(held->begin_stream(200, "text/event-stream"));
  std::size_t most = 0;
  while (held->send(std::string(10'000, 'x'))) most = std::max(most, held->unsent_bytes());
  EXPECT_LE(most, 100'000u);
  EXPECT_TRUE(gone.wait());
  EXPECT_FALSE(held->end_stream());
  const auto received = client.read_to_end();
  EXPECT_EQ(received.find("\r\n0\r\n\r\n"), std::string::npos) << "a cut stream must not look complete";
  EXPECT_EQ(served.server->stats().disconnects, 1u);
}

}  // namespace
}  // namespace troupe::http::test
