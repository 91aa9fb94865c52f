// How configuration names policies: by a word of the list, or a library by its path.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "runtime/base/policy_names.hpp"
#include "runtime/config/cluster_config.hpp"
#include "runtime/config/keys.hpp"
#include "runtime/config/load.hpp"

namespace troupe::config {
namespace {

using testing::HasSubstr;

Sources with_policy(const std::string& policy) {
  Sources sources;
  sources.file = TROUPE_SOURCE_DIR "/cluster_configs/serve.yaml";
  sources.flags = {{"scheduling.policy", policy, "--policy"}};
  return sources;
}

TEST(PolicyKeys, TakeEveryNameOfTheirList) {
  for (const auto& [key, names] : {std::pair("scheduling.policy", routing_policy_names()),
                                   std::pair("scheduling.prompt_batching", prompt_batch_policy_names()),
                                   std::pair("scheduling.token_batching", token_batch_policy_names()),
                                   std::pair("scheduling.admission", admission_policy_names())}) {
    ASSERT_NE(find_key(key), nullptr) << key;
    EXPECT_EQ(find_key(key)->choices, names);
  }
  EXPECT_EQ(find_key(cluster_keys(), "roles.policy")->choices, role_policy_names());
}

TEST(PolicyKeys, HaveTheFirstOfTheirListAsTheirDefault) {
  const ServeConfig defaults;
  EXPECT_EQ(defaults.scheduling.policy, routing_policy_names().front());
  EXPECT_EQ(defaults.scheduling.prompt_batching, prompt_batch_policy_names().front());
  EXPECT_EQ(defaults.scheduling.token_batching, token_batch_policy_names().front());
  EXPECT_EQ(defaults.scheduling.admission, admission_policy_names().front());
}

TEST(PolicyKeys, TakeALibraryByItsPath) {
  const auto loaded = load(with_policy("./libmine.so"));
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->config.scheduling.policy, "./libmine.so") << "a flag's path starts where the command was given";
}

TEST(PolicyKeys, OfEveryKindTakeALibraryByItsPath) {
  for (const std::string key : {"scheduling.prompt_batching", "scheduling.token_batching", "scheduling.admission"}) {
    auto sources = with_policy("splitwise");
    sources.flags.push_back({key, "./libmine.so", "--set " + key});
    EXPECT_TRUE(load(sources).ok()) << key;
    sources.flags.back().value = "libmine.so";
    const auto refused = load(sources);
    ASSERT_FALSE(refused.ok()) << key;
    EXPECT_THAT(refused.error().message, HasSubstr("or the path of a library, as ./libmine.so"));
  }
}

TEST(PolicyKeys, ARolePolicysLibraryInAClustersFileStartsAtTheFilesFolder) {
  const std::string path = testing::TempDir() + "/policy_keys_cluster.yaml";
  std::ifstream shipped(TROUPE_SOURCE_DIR "/cluster_configs/local.yaml");
  std::ofstream(path) << shipped.rdbuf() << "\nroles: {policy: mine/libroles.so}\n";
  const auto loaded = load_cluster(cluster_sources(path, "", ""));
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(std::filesystem::path(loaded->config.roles.policy),
            (std::filesystem::path(testing::TempDir()) / "mine/libroles.so").lexically_normal());
}

TEST(PolicyKeys, ALibrarysPathInAFileStartsAtTheFilesFolder) {
  const std::string path = testing::TempDir() + "/policy_keys_test.yaml";
  std::ofstream(path) << "model: {path: m}\nscheduling: {policy: mine/libmine.so}\n";
  const auto config = load_serve(path);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(std::filesystem::path(config->scheduling.policy),
            (std::filesystem::path(testing::TempDir()) / "mine/libmine.so").lexically_normal());
}

TEST(PolicyKeys, AWordThatIsNeitherNameNorPathIsRefusedWithTheNearest) {
  const auto refused = load(with_policy("slo_awre"));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message,
              HasSubstr("unknown scheduling.policy \"slo_awre\" (did you mean \"slo_aware\"?)"));
  EXPECT_THAT(refused.error().message, HasSubstr("or the path of a library"));
}

}  // namespace
}  // namespace troupe::config
