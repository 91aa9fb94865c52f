#include "runtime/http/routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::http {
namespace {

using testing::HasSubstr;

RouteTable table() {
  auto made = RouteTable::make({{"GET", "/v1/models", Scope::kInfer},
                                {"GET", "/v1/models/{id}", Scope::kInfer},
                                {"POST", "/v1/completions", Scope::kInfer, true},
                                {"GET", "/v1/models/special", Scope::kInfer}});
  return std::move(made).value();
}

const RouteMatch* matched(const std::variant<RouteMatch, AllowedMethods, Refusal>& outcome) {
  return std::get_if<RouteMatch>(&outcome);
}

TEST(RouteTable, FindsExactRoutesAndTrailingParameters) {
  const auto routes = table();
  EXPECT_EQ(matched(routes.match("GET", "/v1/models"))->route, 0u);
  EXPECT_EQ(matched(routes.match("HEAD", "/v1/models"))->route, 0u);
  const auto parameter = routes.match("GET", "/v1/models/org/name%20x");
  EXPECT_EQ(matched(parameter)->route, 1u);
  EXPECT_EQ(matched(parameter)->parameter, "org/name x");
  EXPECT_EQ(matched(routes.match("GET", "/v1/models/special"))->route, 3u) << "the exact route hides the parameter";
}

TEST(RouteTable, RefusesUnknownPathsWithTheNearestOne) {
  const auto outcome = table().match("POST", "/v1/completion");
  const auto& refusal = std::get<Refusal>(outcome);
  EXPECT_EQ(refusal.status, 404);
  EXPECT_THAT(refusal.message, HasSubstr("did you mean \"/v1/completions\"?"));
  EXPECT_EQ(std::get<Refusal>(table().match("GET", "/V1/models")).status, 404);
  EXPECT_EQ(std::get<Refusal>(table().match("GET", "/v1/models/")).status, 404);
  EXPECT_EQ(std::get<Refusal>(table().match("GET", "//v1/models")).status, 404);
}

TEST(RouteTable, RefusesOtherMethodsWithAllow) {
  const auto outcome = table().match("GET", "/v1/completions");
  const auto& refusal = std::get<Refusal>(outcome);
  EXPECT_EQ(refusal.status, 405);
  EXPECT_EQ(*find_header(refusal.headers, "allow"), "OPTIONS, POST");
  EXPECT_EQ(std::get<AllowedMethods>(table().match("OPTIONS", "/v1/models")).list, "GET, HEAD, OPTIONS");
}

TEST(RouteTable, RefusesPathsThatDecodingWouldMove) {
  for (const char* path : {"/v1%2Fmodels", "/%761/models", "/v1/models/%2e%2e", "/v1/models/a/../b", "/v1/models/%",
                           "/v1/models/%g0", "/v1/models/%00", "/v1/models/%ff", "/v1/models/%0a"})
    EXPECT_EQ(std::get<Refusal>(table().match("GET", path)).status, 400) << path;
}

TEST(RouteTable, RefusesTablesThatAreWrong) {
  for (const Route& bad : {Route{"get", "/a"}, Route{"HEAD", "/a"}, Route{"GET", "a"}, Route{"GET", "/a%20"},
                           Route{"GET", "/{a}/b"}, Route{"GET", "/a{b}"}, Route{"GET", ""}})
    EXPECT_FALSE(RouteTable::make({bad}).ok()) << bad.path;
  EXPECT_FALSE(RouteTable::make({{"GET", "/a"}, {"GET", "/a"}}).ok());
  EXPECT_FALSE(RouteTable::make({{"GET", "/a/{x}"}, {"GET", "/a/{y}"}}).ok());
}

TEST(Query, GivesTheFirstValueDecoded) {
  EXPECT_EQ(query_value("a=1&b=x%26y+z&b=2", "b"), "x&y z");
  EXPECT_EQ(query_value("a&b=", "a"), "");
  EXPECT_EQ(query_value("a=1", "b"), std::nullopt);
  EXPECT_EQ(query_value("a=%zz", "a"), std::nullopt);
}

}  // namespace
}  // namespace troupe::http
