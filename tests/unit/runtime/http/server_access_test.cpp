// Who may call what: routes, scopes, keys, CORS, exposure.
#include <gmock/gmock.h>

#include "tests/unit/runtime/http/harness.hpp"

namespace troupe::http::test {
namespace {

using testing::HasSubstr;

ServerConfig keyed_config() {
  auto config = test_config();
  config.api_keys = {{sha256("infer-key"), {Scope::kInfer}, ""},
                     {sha256("ops-key"), {Scope::kMetrics, Scope::kAdmin, Scope::kInspect}, ""}};
  return config;
}

std::string ask_for(const Route& route, const std::string& key) {
  return route.method + " " + (route.path.back() == '}' ? "/v1/models/m" : route.path) +
         " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
         (key.empty() ? "" : "Authorization: Bearer " + key + "\r\n") +
         (route.method == "POST" ? "Content-Length: 2\r\n\r\n{}" : "\r\n");
}

TEST(ServerAccess, EveryRouteButThePublicOnesNeedsAKey) {
  Served served(keyed_config());
  for (const auto& route : test_config().routes) {
    if (route.path == "/hold") continue;
    const bool open = route.scope == Scope::kPublic;
    const bool inference = route.scope == Scope::kInfer;
    EXPECT_EQ(served.ask(ask_for(route, "")).status, open ? 200 : 401) << route.path;
    EXPECT_EQ(served.ask(ask_for(route, "wrong")).status, open ? 200 : 401) << route.path;
    EXPECT_EQ(served.ask(ask_for(route, "infer-key")).status, open || inference ? 200 : 403) << route.path;
    EXPECT_EQ(served.ask(ask_for(route, "ops-key")).status, open || !inference ? 200 : 403) << route.path;
  }
}

TEST(ServerAccess, RefusesBeforeTheBodyIsRead) {
  Served served(keyed_config());
  const auto answer = served.ask("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.header("www-authenticate"), "Bearer");
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_THAT(answer.body, HasSubstr("authentication_error"));
}

TEST(ServerAccess, DecidesOnThePathAndNotOnTheHost) {
  Served served(keyed_config());
  EXPECT_EQ(served.ask("GET /v1/models HTTP/1.1\r\nHost: livez\r\n\r\n").status, 401);
  EXPECT_EQ(served.ask("GET /livez/../v1/models HTTP/1.1\r\nHost: a\r\n\r\n").status, 404);
  EXPECT_EQ(served.ask("GET http://a/livez HTTP/1.1\r\nHost: a\r\n\r\n").status, 400);
  EXPECT_EQ(served.ask("GET /v1%2Fmodels HTTP/1.1\r\nHost: a\r\n\r\n").status, 400);
}

TEST(ServerAccess, HidesTheKeyFromTheHandler) {
  Served served(keyed_config());
  RawClient client(served.port());
  client.send("GET /hold HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer infer-key\r\n\r\n");
  const auto held = served.held.take();
  ASSERT_TRUE(held);
  EXPECT_EQ(held->request().api_key, 0u);
  EXPECT_EQ(find_header(held->request().headers, "authorization"), nullptr);
}

TEST(ServerAccess, SaysWhatIsThereInsteadOfWhatWasAskedFor) {
  Served served;
  const auto missing = served.ask("GET /v1/model HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("did you mean \\\"/v1/models\\\"?"));
  const auto wrong = served.ask("GET /v1/echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("allow"), "OPTIONS, POST");
}

TEST(ServerAccess, KeepsTheConnectionAfterARefusalWithoutABody) {
  Served served;
  RawClient client(served.port());
  client.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 404);
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(ServerAccess, ReadsOnlyPlainJsonWhereJsonIsRead) {
  Served served;
  const auto typed = [](const std::string& fields) {
    return "POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" + fields + "\r\n{}";
  };
  EXPECT_EQ(served.ask(typed("Content-Type: application/json\r\n")).status, 200);
  EXPECT_EQ(served.ask(typed("Content-Type: Application/JSON ; charset=utf-8\r\n")).status, 200);
  EXPECT_EQ(served.ask(typed("")).status, 415);
  EXPECT_EQ(served.ask(typed("Content-Type: text/plain\r\n")).status, 415);
  EXPECT_EQ(served.ask(typed("Content-Type: application/jsonx\r\n")).status, 415);
  EXPECT_EQ(served.ask(typed("Content-Type: application/json\r\nContent-Encoding: gzip\r\n")).status, 415);
}

TEST(ServerAccess, SaysNothingAboutOriginsByDefault) {
  Served served;
  const auto answer = served.ask("GET /livez HTTP/1.1\r\nHost: a\r\nOrigin: http://evil\r\n\r\n");
  EXPECT_EQ(answer.head.find("access-control"), std::string::npos);
  const auto preflight = served.ask(
      "OPTIONS /v1/echo HTTP/1.1\r\nHost: a\r\nOrigin: http://evil\r\nAccess-Control-Request-Method: POST\r\n\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.header("allow"), "OPTIONS, POST");
  EXPECT_EQ(preflight.head.find("access-control"), std::string::npos);
}

TEST(ServerAccess, NamesOnlyOriginsThatAreConfigured) {
  auto config = test_config();
  config.allow_origins = {"http://good"};
  Served served(std::move(config));
  const auto good = served.ask("GET /livez HTTP/1.1\r\nHost: a\r\nOrigin: http://good\r\n\r\n");
  EXPECT_EQ(good.header("access-control-allow-origin"), "http://good");
  EXPECT_EQ(good.header("vary"), "origin");
  const auto evil = served.ask("GET /livez HTTP/1.1\r\nHost: a\r\nOrigin: http://good.evil\r\n\r\n");
  EXPECT_EQ(evil.header("access-control-allow-origin"), "(none)");
  const auto preflight = served.ask("OPTIONS /v1/echo HTTP/1.1\r\nHost: a\r\nOrigin: http://good\r\n\r\n");
  EXPECT_EQ(preflight.header("access-control-allow-methods"), "OPTIONS, POST");
}

TEST(ServerAccess, RefusesToListenWhereOthersCanConnectWithoutKeysAndTls) {
  const auto error_of = [](ServerConfig config) {
    auto started = Server::start(std::move(config), [](std::shared_ptr<Exchange>) {});
    return started.ok() ? Error{ErrorCode::kInternal, "it started"} : started.error();
  };
  auto open = test_config();
  open.address = "0.0.0.0";
  EXPECT_EQ(error_of(open).code, ErrorCode::kConfig);
  EXPECT_THAT(error_of(open).message, HasSubstr("no API keys"));
  auto keyed = keyed_config();
  keyed.address = "::";
  EXPECT_THAT(error_of(keyed).message, HasSubstr("no TLS"));
}

TEST(ServerAccess, NamesAnAddressOrPortItCannotHave) {
  Served first;
  auto taken = test_config();
  taken.port = first.port();
  const auto again = Server::start(std::move(taken), [](std::shared_ptr<Exchange>) {});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kConfig);
  EXPECT_THAT(again.error().message, HasSubstr("port " + std::to_string(first.port())));
  auto nonsense = test_config();
  nonsense.address = "example.com";
  const auto named = Server::start(std::move(nonsense), [](std::shared_ptr<Exchange>) {});
  ASSERT_FALSE(named.ok());
  EXPECT_THAT(named.error().message, HasSubstr("example.com"));
}

}  // namespace
}  // namespace troupe::http::test
