// What the server makes of bytes: one reading of every request, or none.
#include <gmock/gmock.h>

#include "runtime/http/response.hpp"
#include "tests/unit/runtime/http/harness.hpp"

namespace troupe::http::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string post(std::string_view fields, std::string_view body) {
  return "POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + std::string(fields) + "\r\n" +
         std::string(body);
}

TEST(Server, AnswersASizedAndAChunkedBodyAlike) {
  Served served;
  EXPECT_EQ(served.ask(post("Content-Length: 5\r\n", "hello")).body, "POST /v1/echo|||hello");
  EXPECT_EQ(served.ask(post("Transfer-Encoding: chunked\r\n", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")).body,
            "POST /v1/echo|||hello");
  EXPECT_EQ(served.ask(post("", "")).body, "POST /v1/echo|||");
}

TEST(Server, ReadsARequestThatArrivesByteByByte) {
  Served served;
  RawClient client(served.port());
  for (const char c : post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"))
    ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.read_answer().body, "POST /v1/echo|||hello");
}

TEST(Server, ClosesAfterASmugglingAttemptAndIgnoresWhatFollows) {
  Served served;
  const std::string hidden = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const auto& attempt :
       {post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), post("Content-Length: 5, 5\r\n", "hello"),
        post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "-2\r\nab\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "2;x\nab\r\n0\r\n\r\n"),
        post("X-A: b\r\n c\r\nContent-Length: 0\r\n", ""), std::string("GET /livez HTTP/1.1\nHost: a\n\n"),
        std::string("GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        std::string("GET http://a/livez HTTP/1.1\r\nHost: a\r\n\r\n"),
        std::string("GET /livez HTTP/1.1\r\nHost: a\r\nX: ") + '\0' + "\r\n\r\n"}) {
    RawClient client(served.port());
    client.send(attempt + hidden);
    const auto all = client.read_to_end();
    EXPECT_THAT(all, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << attempt;
    EXPECT_THAT(all, HasSubstr("connection: close\r\n"));
    EXPECT_THAT(all, HasSubstr("\"type\":\"invalid_request_error\""));
    EXPECT_EQ(all.find("HTTP/1.1", 1), std::string::npos) << "a second answer to " << attempt;
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  Served served;
  RawClient client(served.port());
  client.send("GET /v1/models/1 HTTP/1.1\r\nHost: a\r\n\r\n" + post("Content-Length: 1\r\n", "2") +
              "GET /v1/models/3 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "GET /v1/models/1|1||");
  EXPECT_EQ(client.read_answer().body, "POST /v1/echo|||2");
  EXPECT_EQ(client.read_answer().body, "GET /v1/models/3|3||");
}

TEST(Server, HandsOutOneRequestOfAConnectionAtATime) {
  Served served;
  RawClient client(served.port());
  client.send("GET /hold?1 HTTP/1.1\r\nHost: a\r\n\r\nGET /hold?2 HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto first = served.held.take();
  ASSERT_TRUE(first);
  EXPECT_EQ(served.server->stats().in_flight, 1u);
  EXPECT_EQ(served.held.waiting(), 0u);
  EXPECT_TRUE(first->respond(200, "text/plain", "one"));
  EXPECT_EQ(client.read_answer().body, "one");
  const auto second = served.held.take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->request().query, "2");
}

TEST(Server, StopsReadingAPipelineThatRunsAhead) {
  Served served;
  RawClient client(served.port());
  client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto first = served.held.take();
  ASSERT_TRUE(first);
  const std::string next = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string burst;
  while (burst.size() < 128 * 1024) burst += next;
  ASSERT_TRUE(client.send(burst));
  // Each round trip on another connection gives the one io thread the chance to read once more on the first: it must
  // not take it.
  RawClient other(served.port());
  for (int i = 0; i < 200; ++i) {
    other.send(next);
    ASSERT_EQ(other.read_answer().status, 200);
  }
  EXPECT_GE(client.bytes_that_the_peer_left_unread(), 64u * 1024);
  EXPECT_TRUE(first->respond(200, "text/plain", "held"));
  EXPECT_EQ(client.read_answer().body, "held");
  for (std::size_t i = 0; i < burst.size() / next.size(); ++i)
    ASSERT_EQ(client.read_answer().status, 200) << i << " answers after the first";
}

TEST(Server, SaysContinueToAClientThatWaitsForIt) {
  Served served;
  RawClient client(served.port());
  client.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
  EXPECT_EQ(client.read_through("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(client.read_answer().body, "POST /v1/echo|||hello");
}

TEST(Server, RefusesInsteadOfContinuingWhereTheBodyIsUnwelcome) {
  Served served;
  RawClient client(served.port());
  client.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 413);
}

TEST(Server, AnswersHeadWithTheHeadOfGet) {
  Served served;
  RawClient client(served.port());
  client.send("HEAD /v1/models HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = client.read_answer(true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("content-length"), std::to_string(std::string("GET /v1/models|||").size()));
  EXPECT_EQ(client.read_answer().body, "GET /livez|||") << "no body stands between the two answers";
}

TEST(Server, LeavesTheBodyOfAStreamOutForHead) {
  Served served;
  RawClient client(served.port());
  client.send("HEAD /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto exchange = served.held.take();
  ASSERT_TRUE(exchange);
  EXPECT_TRUE(exchange->begin_stream(200, "text/event-stream"));
  EXPECT_TRUE(exchange->send("data: x\n\n"));
  EXPECT_TRUE(exchange->end_stream());
  EXPECT_EQ(client.read_answer(true).status, 200);
  EXPECT_EQ(client.read_answer().body, "GET /livez|||");
}

TEST(Server, ClosesAfterHttp10AndWhereTheClientAsks) {
  Served served;
  for (const char* request :
       {"GET /livez HTTP/1.0\r\n\r\n", "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}) {
    RawClient client(served.port());
    client.send(request);
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_FALSE(client.was_reset());
  }
}

TEST(Server, StreamsInChunksAndToHttp10WithoutThem) {
  Served served;
  for (const char* request :
       {"GET /hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /hold HTTP/1.0\r\n\r\n"}) {
    RawClient client(served.port());
    client.send(request);
    const auto exchange = served.held.take();
    ASSERT_TRUE(exchange);
    EXPECT_TRUE(exchange->begin_stream(200, "text/event-stream", {{"x-mine", "a\r\nb"}}));
    EXPECT_TRUE(exchange->send("data: 1\n\n"));
    EXPECT_TRUE(exchange->send("data: 2\n\n"));
    EXPECT_TRUE(exchange->end_stream());
    EXPECT_FALSE(exchange->send("late"));
    const auto head = client.read_through("\r\n\r\n");
    EXPECT_THAT(head, HasSubstr("cache-control: no-cache\r\n"));
    EXPECT_THAT(head, HasSubstr("x-mine: a__b\r\n")) << "a value cannot start a line of its own";
    const bool chunked = head.find("transfer-encoding: chunked") != std::string::npos;
    EXPECT_EQ(client.read_to_end(),
              chunked ? "9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n" : "data: 1\n\ndata: 2\n\n");
    EXPECT_FALSE(client.was_reset());
  }
}

TEST(Server, EchoesAGoodRequestIdAndReplacesOthers) {
  Served served;
  const auto with_id = [](const std::string& id) {
    return "GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + id + "\r\n\r\n";
  };
  EXPECT_EQ(served.ask(with_id("abc-1.2_Z")).header("x-request-id"), "abc-1.2_Z");
  EXPECT_THAT(served.ask(with_id("a b")).header("x-request-id"), StartsWith("req-"));
  EXPECT_THAT(served.ask(with_id(std::string(129, 'a'))).header("x-request-id"), StartsWith("req-"));
}

TEST(Server, TakesATraceContextOnlyWhereItIsOne) {
  Served served;
  const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  for (const auto& [sent, seen] : {std::pair{good, good}, std::pair{std::string("00-zz"), std::string()},
                                   std::pair{"00-" + std::string(32, '0') + "-00f067aa0ba902b7-01", std::string()}}) {
    RawClient client(served.port());
    client.send("GET /hold HTTP/1.1\r\nHost: a\r\nTraceparent: " + sent + "\r\n\r\n");
    const auto exchange = served.held.take();
    ASSERT_TRUE(exchange);
    EXPECT_EQ(exchange->request().traceparent, seen);
  }
}

TEST(Server, WritesTheDateItIsGiven) {
  auto config = test_config();
  config.unix_seconds = [] { return std::int64_t{784111777}; };
  Served served(std::move(config));
  EXPECT_EQ(served.ask("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").header("date"), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(ErrorBody, IsJsonWhateverTheMessageHolds) {
  EXPECT_EQ(error_body(400, "a \"b\"\n\xff", "p"),
            "{\"error\":{\"message\":\"a "
            "\\\"b\\\"\\u000a\xEF\xBF\xBD\",\"type\":\"invalid_request_error\",\"param\":\"p\",\"code\":null}}");
  EXPECT_THAT(error_body(503, "x"), HasSubstr("\"type\":\"unavailable_error\",\"param\":null,\"code\":null"));
}

}  // namespace
}  // namespace troupe::http::test
