#include "runtime/config/serve_config.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "runtime/base/file.hpp"
#include "runtime/config/keys.hpp"
#include "runtime/config/load.hpp"

namespace troupe::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A folder that goes with the test.
class ServeConfigFile : public ::testing::Test {
 protected:
  ServeConfigFile() {
    char name[] = "/tmp/troupe_config_XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~ServeConfigFile() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& text) const {
    const std::string path = folder_ + "/serve.yaml";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Result<ServeConfig> read(const std::string& text) const { return load_serve(write(text)); }
  std::string error_of(const std::string& text) const {
    const auto config = read(text);
    return config.ok() ? "no error" : config.error().message;
  }

  std::string folder_;
};

constexpr const char* kModel = "model: {path: /m}\n";

TEST_F(ServeConfigFile, AFileWithAModelAloneGivesTheDefaults) {
  const auto config = read(kModel);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->model.path, "/m");
  EXPECT_EQ(config->http.port, 8000);
  EXPECT_EQ(config->scheduling.max_batch_tokens, 2048u);
  EXPECT_EQ(config->shutdown.drain_timeout, std::chrono::seconds(25));
}

TEST_F(ServeConfigFile, ValuesOfEveryKindAreRead) {
  const auto config = read(R"(model: {path: /m, names: [a, "b c"]}
http: {port: 0, cors_origins: ["*"], allow_insecure: true}
device: {kv_memory: 2GiB, threads: 3, isa: reference}
scheduling: {policy: round_robin, request_timeout: 90s}
shutdown: {drain_timeout: 1500ms}
trace: {enabled: false}
log: {level: error, format: json}
)");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->model.names, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(config->http.port, 0);
  EXPECT_EQ(config->http.cors_origins, std::vector<std::string>{"*"});
  EXPECT_TRUE(config->http.allow_insecure);
  EXPECT_EQ(config->device.kv_memory, std::uint64_t{2} << 30);
  EXPECT_EQ(config->device.threads, 3u);
  EXPECT_EQ(config->device.isa, Isa::kReference);
  EXPECT_EQ(config->scheduling.policy, "round_robin");
  EXPECT_EQ(config->scheduling.request_timeout, std::chrono::seconds(90));
  EXPECT_EQ(config->shutdown.drain_timeout, std::chrono::milliseconds(1500));
  EXPECT_FALSE(config->trace.enabled);
  EXPECT_EQ(config->log.level, LogLevel::kError);
  EXPECT_EQ(config->log.format, LogFormat::kJson);
}

TEST_F(ServeConfigFile, AnApiKeyIsItsHashItsScopesAndItsName) {
  const std::string hash(64, 'a');
  const auto config = read(std::string(kModel) + "http:\n  api_keys:\n  - {name: web, sha256: " + hash +
                           ", scopes: [infer, metrics]}\n");
  ASSERT_TRUE(config.ok()) << config.error().message;
  ASSERT_EQ(config->http.api_keys.size(), 1u);
  EXPECT_EQ(config->http.api_keys[0].name, "web");
  EXPECT_EQ(config->http.api_keys[0].sha256, hash);
  EXPECT_EQ(config->http.api_keys[0].scopes, (std::vector<std::string>{"infer", "metrics"}));
}

TEST_F(ServeConfigFile, AnApiKeyWrittenInTheClearIsNotPutIntoTheMessage) {
  const std::string error = error_of(
      std::string(kModel) + "http:\n  api_keys:\n  - name: web\n    sha256: \"sk-very-secret\"\n    scopes: [infer]\n");
  EXPECT_THAT(error, HasSubstr("the sha256 of an API key is not one"));
  EXPECT_THAT(error, Not(HasSubstr("sk-very-secret")));
}

TEST_F(ServeConfigFile, SizesMayBePlainBytesOrCarryAUnit) {
  for (const auto& [text, bytes] : std::vector<std::pair<std::string, std::uint64_t>>{
           {"2097152", 2'097'152}, {"2MiB", 2'097'152}, {"2 MiB", 2'097'152}, {"2MB", 2'000'000}, {"auto", 0}}) {
    const auto config = read(std::string(kModel) + "device: {kv_memory: " + text + "}\n");
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_EQ(config->device.kv_memory, bytes) << text;
  }
}

TEST_F(ServeConfigFile, ASizeThatWrapsAroundIsRefused) {
  // 2^24 + 1 TiB is 2^64 + 2^40 bytes.
  EXPECT_THAT(error_of(std::string(kModel) + "device: {kv_memory: 16777217TiB}\n"),
              HasSubstr("is not what belongs here"));
}

TEST_F(ServeConfigFile, BoundsThemselvesAreAllowedAndOnePastThemIsNot) {
  EXPECT_TRUE(read(std::string(kModel) + "http: {port: 65535}\n").ok());
  EXPECT_FALSE(read(std::string(kModel) + "http: {port: 65536}\n").ok());
  EXPECT_TRUE(read(std::string(kModel) + "api: {max_n: 1}\n").ok());
  EXPECT_FALSE(read(std::string(kModel) + "api: {max_n: 0}\n").ok());
}

TEST_F(ServeConfigFile, PathsInAFileAreRelativeToItsFolder) {
  const auto config = read("model: {path: ../models/x}\n");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->model.path, "/tmp/models/x");
}

TEST_F(ServeConfigFile, AFileThatIsNotThereIsMissingInput) {
  const auto config = load_serve(folder_ + "/none.yaml");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().code, ErrorCode::kMissingInput);
}

TEST_F(ServeConfigFile, AnEmptyFileLacksOnlyTheModel) {
  EXPECT_THAT(error_of(""), HasSubstr("model.path is missing"));
  EXPECT_THAT(error_of("# nothing\n"), HasSubstr("model.path is missing"));
}

TEST_F(ServeConfigFile, AMistakeIsShownWithItsLineAndACaretUnderIt) {
  const std::string path = folder_ + "/serve.yaml";
  EXPECT_EQ(error_of("model: {path: /m}\nlog:\n  level: loud\n"),
            path +
                ":3:10: error: unknown log.level \"loud\"\n"
                "  3 |   level: loud\n"
                "    |          ^^^^ expected debug, info, warning or error");
}

TEST_F(ServeConfigFile, TheCaretStandsUnderThePlaceBehindWiderCharacters) {
  EXPECT_THAT(error_of("model: {names: [é, ü], pth: /m}\n"), HasSubstr(":1:24: error: unknown key \"pth\""));
}

TEST_F(ServeConfigFile, AllMistakesAreReportedInTheOrderOfTheFile) {
  const std::string error = error_of("http: {port: x, prt: 1}\nlog: {level: loud}\n");
  EXPECT_LT(error.find(":1:14: error"), error.find(":1:17: error"));
  EXPECT_LT(error.find(":1:17: error"), error.find(":2:14: error"));
}

TEST_F(ServeConfigFile, NoMoreThanTwentyMistakesAreReported) {
  std::string text = "http:\n";
  for (int i = 0; i < 50; ++i) text += "  unheard_of_" + std::to_string(i) + ": 1\n";
  const std::string error = error_of(text);
  std::size_t count = 0;
  for (std::size_t at = error.find(": error:"); at != std::string::npos; at = error.find(": error:", at + 1)) ++count;
  EXPECT_EQ(count, 20u);
}

TEST_F(ServeConfigFile, ALongLineIsCutAroundThePlace) {
  const std::string error = error_of("model: {names: [" + std::string(250, 'x') + "], pth: /m}\n");
  for (std::size_t from = 0; from < error.size();) {
    const std::size_t end = std::min(error.find('\n', from), error.size());
    EXPECT_LT(end - from, 200u) << error.substr(from, end - from);
    from = end + 1;
  }
  EXPECT_THAT(error, HasSubstr("pth"));
}

TEST_F(ServeConfigFile, AFileOfAMebibyteIsReadAndOneByteMoreIsRefused) {
  std::string text = kModel;
  text += "#" + std::string((std::size_t{1} << 20) - text.size() - 2, 'x') + "\n";
  ASSERT_EQ(text.size(), std::size_t{1} << 20);
  EXPECT_TRUE(read(text).ok());
  EXPECT_THAT(error_of(text + "\n"), HasSubstr(":1:1: error: the file is larger than 1 MiB"));
}

TEST_F(ServeConfigFile, ManyMoreValuesThanThereAreKeysAreRefused) {
  std::string text = "model: {names: [";
  for (int i = 0; i < 20'000; ++i) text += "a,";
  EXPECT_THAT(error_of(text + "]}\n"), HasSubstr("more than 10000 values"));
}

TEST_F(ServeConfigFile, AMebibyteOfOpeningBracketsIsRefusedWithoutDeepRecursion) {
  EXPECT_THAT(error_of("model: " + std::string(1'000'000, '[')), HasSubstr("nested more than 16 levels deep"));
  EXPECT_FALSE(read(std::string(1'000'000, '{')).ok());
}

TEST_F(ServeConfigFile, AnyPrefixOfAFileIsReadOrRefusedButNeverFatal) {
  const std::string text = commented_defaults();
  for (std::size_t length = 0; length < text.size(); length += 37) {
    const auto config = read(text.substr(0, length));
    if (!config.ok()) {
      EXPECT_EQ(config.error().code, ErrorCode::kConfig);
    }
  }
}

TEST(ServeYaml, TheShippedExampleHoldsEveryKeyWithItsDefault) {
  Sources sources;
  sources.file = TROUPE_SOURCE_DIR "/cluster_configs/serve.yaml";
  const auto loaded = load(sources);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  for (const Setting& setting : loaded->settings) {
    EXPECT_THAT(setting.source, HasSubstr("serve.yaml:")) << setting.key;
    if (setting.key != "model.path") {
      EXPECT_EQ(setting.value, setting.default_value) << setting.key;
    }
  }
}

/// The text with its comment signs gone and every run of blanks made one, so that wrapped lines compare.
std::string unwrapped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == '#' || c == ' ' || c == '\n';
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

TEST(ServeYaml, TheShippedExampleExplainsEveryKeyInTheTablesWords) {
  const std::string path = TROUPE_SOURCE_DIR "/cluster_configs/serve.yaml";
  const std::string text = unwrapped(read_file(path, 1 << 20).value());
  Sources sources;
  sources.file = path;
  const auto loaded = load(sources);
  ASSERT_TRUE(loaded.ok());
  for (const Setting& setting : loaded->settings) EXPECT_THAT(text, HasSubstr(unwrapped(setting.help))) << setting.key;
}

TEST(ServeYaml, TheShippedSchemaIsTheOneThatTheTableGives) {
  const std::string shipped = read_file(TROUPE_SOURCE_DIR "/cluster_configs/serve.schema.json", 1 << 20).value();
  EXPECT_EQ(nlohmann::json::parse(shipped), nlohmann::json::parse(schema_json()))
      << "write it again: troupe schema > cluster_configs/serve.schema.json";
}

TEST(Precedence, AFlagBeatsTheEnvironmentWhichBeatsTheFile) {
  Sources sources;
  sources.file = TROUPE_SOURCE_DIR "/cluster_configs/serve.yaml";
  sources.environment = {{"TROUPE_HTTP_PORT", "9001"}, {"TROUPE_SCHEDULING_MAX_RUNNING", "7"}};
  sources.flags = {{"http.port", "9002", "--port"}};
  const auto loaded = load(sources);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->config.http.port, 9002);
  EXPECT_EQ(loaded->config.scheduling.max_running, 7u);
  for (const Setting& setting : loaded->settings) {
    if (setting.key == "http.port") {
      EXPECT_EQ(setting.source, "--port");
    }
    if (setting.key == "scheduling.max_running") {
      EXPECT_EQ(setting.source, "TROUPE_SCHEDULING_MAX_RUNNING");
    }
  }
}

TEST(Precedence, AWrongValueNamesTheFlagOrVariableItCameFrom) {
  Sources sources;
  sources.require_model = false;
  sources.environment = {{"TROUPE_HTTP_PORT", "tcp://10.0.0.1:8000"}};
  sources.flags = {{"device.kv_memory", "lots", "--kv-memory"}};
  const auto loaded = load(sources);
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.error().message, HasSubstr("TROUPE_HTTP_PORT: error:"));
  EXPECT_THAT(loaded.error().message, HasSubstr("--kv-memory: error:"));
}

TEST(Precedence, AVariableThatIsNearlyAKeyIsNotedAndAnyOtherIsPassedOver) {
  Sources sources;
  sources.require_model = false;
  sources.environment = {{"TROUPE_HTTP_PROT", "1"}, {"TROUPE_SERVICE_HOST", "10.0.0.1"}};
  const auto loaded = load(sources);
  ASSERT_TRUE(loaded.ok());
  ASSERT_EQ(loaded->notes.size(), 1u);
  EXPECT_THAT(loaded->notes[0], HasSubstr("TROUPE_HTTP_PORT"));
}

TEST(Precedence, AnOpenAddressFromAFlagIsRefusedInTheFlagsName) {
  Sources sources;
  sources.require_model = false;
  sources.flags = {{"http.address", "0.0.0.0", "--host"}};
  const auto loaded = load(sources);
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.error().message, StartsWith("--host: error: 0.0.0.0 is not loopback"));
}

TEST(Precedence, ADefaultThatWouldNotFitBesideAGivenValueGivesWay) {
  Sources sources;
  sources.require_model = false;
  sources.flags = {{"scheduling.max_batch_tokens", "64", "--max-batch-tokens"}};
  const auto loaded = load(sources);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->config.scheduling.prompt_tokens_beside_decodes, 64u);
}

TEST(Schema, NamesEveryKeyOfTheTableWithItsDefaultAndHelp) {
  const auto schema = nlohmann::json::parse(schema_json());
  for (const Key& key : keys()) {
    const nlohmann::json* at = &schema;
    std::string path = key.path;
    for (char& c : path) c = c == '.' ? '/' : c;
    for (std::size_t from = 0; from != std::string::npos;) {
      const std::size_t slash = path.find('/', from);
      const std::string name = path.substr(from, slash == std::string::npos ? slash : slash - from);
      EXPECT_EQ(at->at("additionalProperties"), false);
      ASSERT_TRUE(at->at("properties").contains(name)) << key.path;
      at = &at->at("properties").at(name);
      from = slash == std::string::npos ? slash : slash + 1;
    }
    EXPECT_EQ(at->at("description"), key.help);
    EXPECT_TRUE(at->contains("default")) << key.path;
  }
}

}  // namespace
}  // namespace troupe::config
