#include "runtime/control/certificates.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>

#include "runtime/control/tls.hpp"
#include "tests/unit/runtime/control/folder.hpp"

namespace troupe::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

mode_t mode_of(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

Result<std::shared_ptr<const TlsContext>> loaded(const Folder& folder, const std::string& node) {
  return TlsContext::load({folder / "ca.pem", folder / (node + ".pem"), folder / (node + ".key")}, {node});
}

TEST(Certificates, OfANewClusterAreUsable) {
  const Folder folder;
  const auto made = make_certificates(folder.path(), {"front", "token0"});
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_TRUE(made->ca);
  EXPECT_THAT(made->made, ElementsAre("front", "token0"));
  for (const char* node : {"front", "token0"}) {
    const auto context = loaded(folder, node);
    EXPECT_TRUE(context.ok()) << context.error().message;
  }
}

TEST(Certificates, KeysAreForTheirOwnerAlone) {
  const Folder folder;
  ASSERT_TRUE(make_certificates(folder / "new", {"front"}).ok());
  EXPECT_EQ(mode_of(folder / "new/ca.key"), 0600u);
  EXPECT_EQ(mode_of(folder / "new/front.key"), 0600u);
  EXPECT_EQ(mode_of(folder / "new/front.pem"), 0644u);
  EXPECT_EQ(mode_of(folder / "new"), 0700u);
}

TEST(Certificates, MadeAgainAddWhatIsMissingByTheSameCa) {
  const Folder folder;
  ASSERT_TRUE(make_certificates(folder.path(), {"front"}).ok());
  const std::string ca = folder.read("ca.pem");
  const std::string front = folder.read("front.pem") + folder.read("front.key");
  const auto again = make_certificates(folder.path(), {"front", "token0"});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_FALSE(again->ca);
  EXPECT_THAT(again->made, ElementsAre("token0"));
  EXPECT_THAT(again->kept, ElementsAre("front"));
  EXPECT_EQ(folder.read("ca.pem"), ca);
  EXPECT_EQ(folder.read("front.pem") + folder.read("front.key"), front);
  EXPECT_TRUE(loaded(folder, "token0").ok());
}

TEST(Certificates, AreNotMadeWhereOneOfTwoFilesIsMissing) {
  const Folder folder;
  ASSERT_TRUE(make_certificates(folder.path(), {"front"}).ok());
  std::filesystem::remove(folder / "front.key");
  const auto refused = make_certificates(folder.path(), {"front"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_THAT(refused.error().message, HasSubstr("front.key, which goes with it, is not"));
  std::filesystem::remove(folder / "ca.key");
  EXPECT_THAT(make_certificates(folder.path(), {"more"}).error().message, HasSubstr("ca.key"));
}

TEST(Certificates, AreNotMadeByACaThatIsNone) {
  const Folder folder;
  ASSERT_TRUE(make_certificates(folder.path(), {"front"}).ok());
  folder.write("ca.key", folder.read("front.key"));
  EXPECT_THAT(make_certificates(folder.path(), {"more"}).error().message, HasSubstr("do not fit together"));
  folder.write("ca.pem", folder.read("front.pem"));
  EXPECT_THAT(make_certificates(folder.path(), {"more"}).error().message, HasSubstr("no certificate authority"));
  folder.write("ca.pem", "noise");
  EXPECT_THAT(make_certificates(folder.path(), {"more"}).error().message, HasSubstr("not a PEM certificate"));
}

TEST(Certificates, AreNotMadeByACaThatHasExpired) {
  const Folder folder;
  ASSERT_TRUE(make_certificates(folder.path(), {}, {std::chrono::seconds(-60), std::chrono::seconds(-60)}).ok());
  EXPECT_THAT(make_certificates(folder.path(), {"front"}).error().message, HasSubstr("expired"));
}

TEST(Certificates, OfANodeNamedCaAreRefusedBeforeAnythingIsMade) {
  const Folder folder;
  EXPECT_FALSE(make_certificates(folder / "new", {"front", "ca"}).ok());
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
}

TEST(Certificates, SayWhereTheyCannotBeWritten) {
  const Folder folder;
  const std::string file = folder.write("file", "");
  const auto refused = make_certificates(file + "/below", {"front"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr(file));
}

}  // namespace
}  // namespace troupe::control
