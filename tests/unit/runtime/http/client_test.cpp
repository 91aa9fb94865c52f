#include "runtime/http/client.hpp"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <thread>
#include <vector>

#include "runtime/http/event_stream.hpp"
#include "tests/unit/runtime/http/harness.hpp"

namespace troupe::http::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A peer that accepts one connection for each script, reads a request's head, writes the script and closes.
class ScriptedPeer {
 public:
  explicit ScriptedPeer(std::vector<std::string> scripts) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this, scripts = std::move(scripts)] {
      for (const auto& script : scripts) {
        const int peer = ::accept(fd_, nullptr, nullptr);
        if (peer < 0) return;
        std::string head;
        char c = 0;
        while (head.find("\r\n\r\n") == std::string::npos && ::recv(peer, &c, 1, 0) == 1) head += c;
        ::send(peer, script.data(), script.size(), MSG_NOSIGNAL);
        ::shutdown(peer, SHUT_WR);
        while (::recv(peer, &c, 1, 0) == 1) {
        }
        ::close(peer);
      }
    });
  }
  ~ScriptedPeer() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

ClientRequest get(const std::string& url) {
  ClientRequest request;
  request.url = url;
  return request;
}
std::string url_of(const Served& served, const std::string& path) {
  return "http://localhost:" + std::to_string(served.port()) + path;
}

Result<Response> fetch_script(const std::string& script, ClientConfig config = {}) {
  const ScriptedPeer peer({script});
  return fetch(get(peer.url()), std::move(config));
}

TEST(ParseUrl, TakesTheCommonForms) {
  const auto plain = parse_url("http://localhost");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->authority(), "localhost:80");
  EXPECT_EQ(plain->target, "/");
  const auto full = parse_url("https://[::1]:8443/v1/x?y=z");
  ASSERT_TRUE(full.ok());
  EXPECT_TRUE(full->tls);
  EXPECT_EQ(full->host, "::1");
  EXPECT_EQ(full->authority(), "[::1]:8443");
  EXPECT_EQ(full->target, "/v1/x?y=z");
  EXPECT_EQ(parse_url("http://a?b")->target, "/?b");
}

TEST(ParseUrl, RefusesWhatItCannotMeanSafely) {
  for (const char* bad :
       {"", "localhost:8000", "ftp://a", "http://", "http://:80", "http://a:0", "http://a:65536", "http://a:x",
        "http://u@a", "http://a#b", "http://a b", "http://[::1", "http://a\r\nX: y", "http://a/\x7f", "http://a_b!"})
    EXPECT_FALSE(parse_url(bad).ok()) << bad;
}

TEST(Fetch, SendsMethodFieldsAndBody) {
  Served served;
  auto request = get(url_of(served, "/v1/echo?a=b"));
  request.method = "POST";
  request.headers = {{"content-type", "application/json"}};
  request.body = "{}";
  const auto response = fetch(request);
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "POST /v1/echo||a=b|{}");
}

TEST(Fetch, ReadsAnswersHoweverTheyAreFramed) {
  for (const char* script :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 OK\r\n\r\nhi", "HTTP/1.0 200 OK\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\nh\r\n1\r\ni\r\n0\r\nT: t\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"}) {
    const auto response = fetch_script(script);
    ASSERT_TRUE(response.ok()) << script << ": " << response.error().message;
    EXPECT_EQ(response->body, "hi") << script;
  }
}

TEST(Fetch, TellsACutAnswerFromACompleteOne) {
  for (const char* script :
       {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", "HTTP/1.1 200 O", ""}) {
    const auto response = fetch_script(script);
    ASSERT_FALSE(response.ok()) << script;
    EXPECT_EQ(response.error().code, ErrorCode::kUnavailable) << script;
  }
}

TEST(Fetch, RefusesAnswersThatAreNotHttp) {
  for (const char* script : {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\n\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi",
                             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    const auto response = fetch_script(script);
    ASSERT_FALSE(response.ok()) << script;
    EXPECT_EQ(response.error().code, ErrorCode::kInvalidInput) << script;
  }
}

TEST(Fetch, BoundsWhatItReads) {
  ClientConfig config;
  config.body_bytes = 4;
  EXPECT_TRUE(fetch_script("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", config).ok());
  const auto longer = fetch_script("HTTP/1.1 200 OK\r\n\r\nabcde", config);
  ASSERT_FALSE(longer.ok());
  EXPECT_EQ(longer.error().code, ErrorCode::kTooLarge);
  config.head_bytes = 64;
  EXPECT_FALSE(fetch_script("HTTP/1.1 200 OK\r\nX: " + std::string(100, 'x') + "\r\n\r\n", config).ok());
}

TEST(Fetch, SaysWhomItCouldNotReach) {
  std::uint16_t port = 0;
  {
    const Served gone;
    port = gone.port();
  }
  const auto response = fetch(get("http://127.0.0.1:" + std::to_string(port)));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr("127.0.0.1:" + std::to_string(port)));
}

TEST(Fetch, GivesUpAtItsDeadline) {
  Served served;
  auto request = get(url_of(served, "/hold"));
  request.timeout = std::chrono::milliseconds(30);
  const auto response = fetch(request);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kDeadline);
}

TEST(Fetch, NamesAnAuthoritiesFileItCannotUse) {
  ClientConfig config;
  config.ca_file = "/nowhere/ca.pem";
  const auto response = fetch(get("http://127.0.0.1:1/"), config);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kConfig);
  EXPECT_THAT(response.error().message, HasSubstr("/nowhere/ca.pem"));
}

TEST(Fetch, RefusesFieldsThatWouldSplitTheRequest) {
  auto request = get("http://127.0.0.1:1/");
  request.headers = {{"x", "a\r\nb: c"}};
  const auto response = fetch(request);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kInvalidInput);
}

TEST(Client, StreamsEventsAsTheyCome) {
  Served served;
  boost::asio::io_context io;
  auto client = Client::make(io);
  ASSERT_TRUE(client.ok());
  EventReader reader;
  std::vector<std::string> seen;
  bool done = false;
  std::shared_ptr<Exchange> held;
  ClientEvents events;
  events.on_head = [&](const ResponseHead& head) { EXPECT_EQ(head.status, 200); };
  events.on_body = [&](std::string_view bytes) {
    reader.feed(bytes, [&](std::string_view event) {
      seen.emplace_back(event);
      // The next event is only sent once this one is here: nothing is held back.
      if (seen.size() == 1) held->send("data: 2\n\n");
      if (seen.size() == 2) held->end_stream();
    });
  };
  events.on_done = [&](Result<void> result) { done = result.ok(); };
  client->start(get(url_of(served, "/hold")), std::move(events));
  std::thread runner([&] { io.run(); });
  held = served.held.take();
  EXPECT_TRUE(held->begin_stream(200, "text/event-stream"));
  EXPECT_TRUE(held->send("data: 1\n\n"));
  runner.join();
  EXPECT_THAT(seen, ElementsAre("1", "2"));
  EXPECT_TRUE(done);
}

TEST(Client, MayCancelFromWithinItsOwnEvents) {
  Served served;
  boost::asio::io_context io;
  auto client = Client::make(io);
  ASSERT_TRUE(client.ok());
  Client::Cancel cancel;
  int ends = 0;
  ClientEvents events;
  events.on_body = [&, keep = std::make_shared<int>(7)](std::string_view) {
    cancel();
    EXPECT_EQ(*keep, 7) << "the function is still whole after it cancelled its call";
  };
  events.on_done = [&](Result<void> result) {
    ++ends;
    EXPECT_FALSE(result.ok());
  };
  cancel = client->start(get(url_of(served, "/livez")), std::move(events));
  io.run();
  EXPECT_EQ(ends, 1);
}

TEST(Client, UsesAKeptConnectionAgain) {
  Served served;
  boost::asio::io_context io;
  auto client = Client::make(io);
  ASSERT_TRUE(client.ok());
  int done = 0;
  std::function<void()> next = [&] {
    ClientEvents events;
    events.on_done = [&](Result<void> result) {
      EXPECT_TRUE(result.ok());
      if (++done < 5) next();
    };
    client->start(get(url_of(served, "/livez")), std::move(events));
  };
  next();
  io.run();
  EXPECT_EQ(done, 5);
  EXPECT_EQ(served.server->stats().connections_accepted, 1u);
}

TEST(Client, SendsAgainWhereAKeptConnectionWasClosedBehindItsBack) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  const ScriptedPeer peer({answer, answer});
  boost::asio::io_context io;
  auto client = Client::make(io);
  ASSERT_TRUE(client.ok());
  std::string bodies;
  int good = 0;
  const auto call = [&](std::function<void()> then) {
    ClientEvents events;
    events.on_body = [&](std::string_view bytes) { bodies += bytes; };
    events.on_done = [&good, then](Result<void> result) {
      good += result.ok();
      if (then) then();
    };
    client->start(get(peer.url()), std::move(events));
  };
  call([&] { call(nullptr); });
  io.run();
  EXPECT_EQ(good, 2);
  EXPECT_EQ(bodies, "hihi");
}

}  // namespace
}  // namespace troupe::http::test
