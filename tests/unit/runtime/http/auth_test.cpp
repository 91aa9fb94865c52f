#include "runtime/http/auth.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace troupe::http {
namespace {

using testing::HasSubstr;
using testing::Not;

class KeyFile {
 public:
  explicit KeyFile(const std::string& text, mode_t mode = 0600) {
    const int fd = ::mkstemp(path.data());
    EXPECT_GE(fd, 0);
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::fchmod(fd, mode);
    ::close(fd);
  }
  ~KeyFile() { ::unlink(path.c_str()); }
  std::string path = testing::TempDir() + "troupe_keys_XXXXXX";
};

RequestHead bearing(std::string value) {
  RequestHead head;
  if (!value.empty()) head.headers.push_back({"authorization", std::move(value)});
  return head;
}

int status_of(const std::variant<std::optional<std::size_t>, Refusal>& outcome) {
  const auto* refusal = std::get_if<Refusal>(&outcome);
  return refusal ? refusal->status : 200;
}

const std::vector<ApiKey> kKeys = {{sha256("alpha"), {Scope::kInfer}, "a"},
                                   {sha256("beta"), {Scope::kMetrics, Scope::kAdmin}, "b"}};

TEST(Sha256, IsTheOneOfTheStandard) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Authenticate, KnowsAKeyAndItsScopes) {
  const auto outcome = authenticate(kKeys, Scope::kInfer, bearing("bEaReR alpha"));
  EXPECT_EQ(std::get<0>(outcome), 0u);
  EXPECT_EQ(std::get<0>(authenticate(kKeys, Scope::kAdmin, bearing("Bearer beta"))), 1u);
  EXPECT_EQ(status_of(authenticate(kKeys, Scope::kInfer, bearing("Bearer beta"))), 403);
  EXPECT_EQ(status_of(authenticate(kKeys, Scope::kInspect, bearing("Bearer beta"))), 403);
}

TEST(Authenticate, RefusesWhatIsNotAKnownKey) {
  for (const char* value : {"", "Bearer", "Bearer ", "Bearer alph", "Bearer alphaa", "Bearer  alpha", "Basic alpha",
                            "alpha", "Bearer alpha beta"}) {
    const auto outcome = authenticate(kKeys, Scope::kInfer, bearing(value));
    EXPECT_EQ(status_of(outcome), 401) << value;
    EXPECT_EQ(*find_header(std::get<Refusal>(outcome).headers, "www-authenticate"), "Bearer");
  }
}

TEST(Authenticate, LeavesPublicRoutesAndKeylessServersOpen) {
  EXPECT_EQ(std::get<0>(authenticate(kKeys, Scope::kPublic, bearing(""))), std::nullopt);
  EXPECT_EQ(std::get<0>(authenticate({}, Scope::kAdmin, bearing(""))), std::nullopt);
}

TEST(LoadApiKeys, ReadsHashesScopesAndNames) {
  const KeyFile file("# keys\n\n" + sha256_hex("alpha") + " infer,metrics team-a\n" + sha256_hex("beta") +
                     "\tadmin\r\n");
  const auto keys = load_api_keys(file.path);
  ASSERT_TRUE(keys.ok()) << keys.error().message;
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ(keys->at(0).name, "team-a");
  EXPECT_EQ(keys->at(0).hash, sha256("alpha"));
  EXPECT_TRUE(keys->at(0).scopes.contains(Scope::kMetrics));
  EXPECT_FALSE(keys->at(1).scopes.contains(Scope::kInfer));
}

TEST(LoadApiKeys, RefusesAFileThatOthersMayRead) {
  const KeyFile file(sha256_hex("alpha") + " infer\n", 0640);
  const auto keys = load_api_keys(file.path);
  ASSERT_FALSE(keys.ok());
  EXPECT_EQ(keys.error().code, ErrorCode::kConfig);
  EXPECT_THAT(keys.error().message, HasSubstr("chmod 600"));
}

TEST(LoadApiKeys, NamesTheLineButNeverRepeatsIt) {
  for (const char* line : {"my-secret-key infer", "my-secret-key"}) {
    const KeyFile file("# first\n" + std::string(line) + "\n");
    const auto keys = load_api_keys(file.path);
    ASSERT_FALSE(keys.ok());
    EXPECT_THAT(keys.error().message, HasSubstr(":2"));
    EXPECT_THAT(keys.error().message, Not(HasSubstr("my-secret-key")));
  }
}

TEST(LoadApiKeys, RefusesWrongScopesAndEmptyFiles) {
  for (const std::string& line : {sha256_hex("a"), sha256_hex("a") + " everything", sha256_hex("a") + " public",
                                  sha256_hex("a") + " infer n extra", std::string("# only a comment")}) {
    const KeyFile file(line + "\n");
    EXPECT_FALSE(load_api_keys(file.path).ok()) << line;
  }
  const auto missing = load_api_keys("/nowhere/keys");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kMissingInput);
}

}  // namespace
}  // namespace troupe::http
