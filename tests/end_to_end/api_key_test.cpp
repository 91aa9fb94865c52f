// A server with API keys: who may call what.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// SHA-256 of "secret", with the right to generate.
constexpr const char* kLine = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b infer tester\n";

class ApiKeys : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "troupe_keys_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::ofstream(file()) << kLine;
    fs::permissions(file(), fs::perms::owner_read | fs::perms::owner_write);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string file() const { return folder_ / "keys"; }

  fs::path folder_;
};

TEST_F(ApiKeys, OpenWhatTheyAreFor) {
  const ServedProcess server({"--api-key-file", file()});
  const Api api(server.url());
  const std::vector<http::Header> key = {{"authorization", "Bearer secret"}};
  EXPECT_EQ(api.get("/v1/models", key).status, 200);
  EXPECT_EQ(api.get("/v1/models").status, 401);
  EXPECT_EQ(api.get("/v1/models", {{"authorization", "Bearer secrets"}}).status, 401);
  EXPECT_EQ(api.get("/metrics", key).status, 403);
  EXPECT_EQ(api.get("/troupe/status", key).status, 403);
  EXPECT_EQ(api.get("/livez").status, 200);
  const auto refused = api.post("/v1/completions", greedy("Once", 4));
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.json()["error"]["type"], "authentication_error");
}

TEST_F(ApiKeys, InAFileThatOthersMayReadAreRefused) {
  fs::permissions(file(), fs::perms::others_read, fs::perm_options::add);
  const auto outcome = run_troupe({"serve", demo_model(), "--port", "0", "--api-key-file", file()});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, HasSubstr(file()));
}

}  // namespace
}  // namespace troupe::end_to_end
