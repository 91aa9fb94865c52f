#include "runtime/http/message.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe::http {
namespace {

/// The status that a head is refused with, 200 where it passes, 0 where it is not complete.
int verdict(std::string_view head, const HeadLimits& limits = {}) {
  HeadScanner scanner;
  const auto outcome = scanner.scan(head, limits.bytes);
  if (const auto* refusal = std::get_if<Refusal>(&outcome)) return refusal->status;
  const auto* complete = std::get_if<HeadScanner::Complete>(&outcome);
  if (!complete) return 0;
  const auto parsed = parse_request_head(head.substr(0, complete->length), limits);
  const auto* refusal = std::get_if<Refusal>(&parsed);
  return refusal ? refusal->status : 200;
}

std::string with_fields(std::string_view fields) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

TEST(RequestHead, SaysWhatARequestNeeds) {
  const auto parsed = parse_request_head(
      "POST /v1/x?y=1 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 12\r\nX-Some:\t v \r\nExpect: "
      "100-Continue\r\nConnection: a, Close\r\n\r\n",
      {});
  const auto& head = std::get<RequestHead>(parsed);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/v1/x?y=1");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_EQ(*find_header(head.headers, "x-some"), "v");
  EXPECT_TRUE(head.expect_continue);
  EXPECT_TRUE(head.close);
  EXPECT_FALSE(head.chunked);
}

TEST(RequestHead, PassesWhatClientsSend) {
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
  EXPECT_EQ(verdict("GET /a%20b?c=[d]\"{} HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n"), 200);
  EXPECT_EQ(verdict("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(verdict(with_fields("Transfer-Encoding: Chunked\r\n")), 200);
  EXPECT_EQ(verdict(with_fields("X-Empty:\r\nX-High: \xC3\xA9\r\n")), 200);
}

TEST(RequestHead, RefusesFramingThatCanBeReadInTwoWays) {
  for (const char* fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                             "Content-Length: 5\r\nContent-Length: 5\r\n",
                             "Content-Length: 5\r\nContent-Length: 6\r\n",
                             "Content-Length: 5, 5\r\n",
                             "Content-Length: +5\r\n",
                             "Content-Length: -5\r\n",
                             "Content-Length: 0x5\r\n",
                             "Content-Length: 5 5\r\n",
                             "Content-Length:\r\n",
                             "Content-Length: five\r\n",
                             "Transfer-Encoding: xchunked\r\n",
                             "Transfer-Encoding: chunked, identity\r\n",
                             "Transfer-Encoding: identity, chunked\r\n",
                             "Transfer-Encoding: gzip\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding:\r\n",
                             "Transfer-Encoding : chunked\r\n",
                             " folded: line\r\n",
                             "\tfolded: line\r\n",
                             "X-A: b\r\n c\r\n",
                             "Content-Length : 5\r\n",
                             "no colon\r\n",
                             ": no name\r\n",
                             "X(Y): z\r\n",
                             "Host: b\r\n",
                             "Authorization: a\r\nAuthorization: b\r\n",
                             "Content-Type: a\r\nContent-Type: b\r\n"})
    EXPECT_EQ(verdict(with_fields(fields)), 400) << fields;
  EXPECT_EQ(verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(RequestHead, RefusesRequestLinesThatAreNotStrict) {
  for (const char* line : {"GET /", "GET", "GET  / HTTP/1.1 ", "GET /a b HTTP/1.1", " GET / HTTP/1.1", "G(T / HTTP/1.1",
                           "GET a HTTP/1.1", "GET http://a/ HTTP/1.1", "OPTIONS * HTTP/1.1", "CONNECT a:80 HTTP/1.1",
                           "GET /#f HTTP/1.1", "GET /\xC3 HTTP/1.1", "GET / HTTP/1.1 x", "GET / http/1.1",
                           "GET / HTTP/11", "GET /\t HTTP/1.1", "GET /<a> HTTP/1.1"})
    EXPECT_EQ(verdict(std::string(line) + "\r\nHost: a\r\n\r\n"), 400) << line;
  EXPECT_EQ(verdict("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(verdict("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  EXPECT_EQ(verdict(with_fields("Expect: more\r\n")), 417);
}

TEST(HeadScanner, RefusesBareLineEndsAndControlCharacters) {
  EXPECT_EQ(verdict("GET / HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\rHost: a\r\n\r\n"), 400);
  EXPECT_EQ(verdict("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(verdict(std::string("GET / HTTP/1.1\r\nX: a") + '\0' + "b\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nX: \x1b[0m\r\n\r\n"), 400);
}

TEST(HeadScanner, RefusesAtTheFirstBadByteWithoutTheRest) {
  HeadScanner scanner;
  EXPECT_TRUE(std::holds_alternative<Refusal>(scanner.scan("GET / HTTP/1.1\n", 8192)));
}

TEST(HeadScanner, SeesTheSameInOnePieceAndByteByByte) {
  const std::string alphabet = "GET / HTTP/1.1\r\n\r\nHost: a\r\n\n\r:";
  RandomStream random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (auto left = 1 + random.below(40); left > 0; --left) text += alphabet[random.below(alphabet.size())];
    if (random.below(2) == 0) text = "GET / HTTP/1.1\r\nA: b" + text;
    HeadScanner whole, pieces;
    const auto expected = whole.scan(text, 32);
    HeadScanner::Outcome seen = HeadScanner::Incomplete{};
    for (std::size_t i = 1; i <= text.size() && std::holds_alternative<HeadScanner::Incomplete>(seen); ++i)
      seen = pieces.scan(std::string_view(text).substr(0, i), 32);
    ASSERT_EQ(expected.index(), seen.index()) << testing::PrintToString(text);
    if (const auto* complete = std::get_if<HeadScanner::Complete>(&expected)) {
      EXPECT_EQ(complete->length, std::get<HeadScanner::Complete>(seen).length);
    }
  }
}

TEST(HeadLimits, HoldAtTheLimitAndNotPastIt) {
  const auto sized = [](std::size_t bytes) {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(verdict(sized(8192)), 200);
  EXPECT_EQ(verdict(sized(8193)), 431);

  const auto fields = [](std::size_t count) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < count; ++i) text += "X: y\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(verdict(fields(100)), 200);
  EXPECT_EQ(verdict(fields(101)), 431);

  const auto target = [](std::size_t bytes) {
    return "GET /" + std::string(bytes - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_EQ(verdict(target(4096)), 200);
  EXPECT_EQ(verdict(target(4097)), 414);
  EXPECT_EQ(verdict(target(20'000)), 414) << "a first line that fills the whole head is a target too long as well";
}

TEST(ParseDecimal, TakesDigitsOnlyAndSaturates) {
  EXPECT_EQ(parse_decimal("0"), 0u);
  EXPECT_EQ(parse_decimal("007"), 7u);
  EXPECT_EQ(parse_decimal("99999999999999999999999"), std::uint64_t{1} << 63);
  EXPECT_EQ(parse_decimal("18446744073709551616"), std::uint64_t{1} << 63);
  for (const char* bad : {"", " 1", "1 ", "+1", "-1", "1e3", "0x1"}) EXPECT_FALSE(parse_decimal(bad)) << bad;
}

TEST(ResponseHead, IsReadOnlyWhereItIsHttp) {
  const auto good = parse_response_head("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", 10);
  EXPECT_EQ(std::get<ResponseHead>(good).status, 200);
  for (const char* bad : {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nbad\r\n\r\n"})
    EXPECT_TRUE(std::holds_alternative<std::string>(parse_response_head(bad, 10))) << bad;
}

}  // namespace
}  // namespace troupe::http
