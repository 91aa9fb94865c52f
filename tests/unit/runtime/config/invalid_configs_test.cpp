// Every file of cluster_configs/invalid is refused at the place and with the words that its first line gives.
#include <filesystem>

#include <gmock/gmock.h>

#include "runtime/base/file.hpp"
#include "runtime/config/cluster_config.hpp"

namespace troupe::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// As `troupe check FILE` reads it: what it is refused with, or nothing.
std::optional<Error> refusal_of(const std::string& path) {
  const auto kind = kind_of_file(path);
  if (!kind.ok()) return kind.error();
  if (*kind == FileKind::kCluster) {
    const auto cluster = load_cluster({path, {}, {}, 1});
    return cluster.ok() ? std::nullopt : std::optional(cluster.error());
  }
  const auto serve = load_serve(path);
  return serve.ok() ? std::nullopt : std::optional(serve.error());
}

TEST(InvalidConfigs, EachIsRefusedAtItsPlaceWithItsReason) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TROUPE_SOURCE_DIR "/cluster_configs/invalid")) {
    const std::string path = entry.path().string();
    const auto text = read_file(path, 1 << 20);
    ASSERT_TRUE(text.ok());
    constexpr std::string_view kHead = "# refused at ";
    ASSERT_THAT(*text, StartsWith(std::string(kHead))) << path;
    const std::string expected = text->substr(kHead.size(), text->find('\n') - kHead.size());
    const std::size_t colon = expected.find(": ");
    const auto refusal = refusal_of(path);
    ASSERT_TRUE(refusal) << path;
    EXPECT_EQ(refusal->code, ErrorCode::kConfig);
    EXPECT_THAT(refusal->message,
                HasSubstr(path + ':' + expected.substr(0, colon) + ": error: " + expected.substr(colon + 2)));
    ++files;
  }
  EXPECT_GT(files, 60u);
}

TEST(InvalidConfigs, AClustersFileIsToldFromAServersByItsNodes) {
  for (const auto& entry : std::filesystem::directory_iterator(TROUPE_SOURCE_DIR "/cluster_configs/invalid")) {
    const auto kind = kind_of_file(entry.path().string());
    ASSERT_TRUE(kind.ok());
    EXPECT_EQ(*kind == FileKind::kCluster, entry.path().filename().string().starts_with("cluster_")) << entry.path();
  }
}

}  // namespace
}  // namespace troupe::config
