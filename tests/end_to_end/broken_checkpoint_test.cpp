// Checkpoints and configurations that cannot be served: `troupe serve` says which file is wrong and exits before it
// listens.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

/// A copy of the demo model to break.
class BrokenCheckpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "troupe_broken_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    for (const auto& entry : fs::directory_iterator(demo_model())) fs::copy(entry.path(), folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& file) const { return folder_ / file; }
  std::string read(const std::string& file) const {
    std::ifstream in(path(file), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(path(file), std::ios::binary) << text;
  }
  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    auto text = read(file);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write(file, text.replace(at, from.size(), to));
  }
  /// `troupe serve` and `troupe check` both end with `code` and a message that names `file` and holds `words`.
  void expect_refused(int code, const std::string& file, const std::string& words) const {
    for (const std::string command : {"serve", "check"}) {
      SCOPED_TRACE(command);
      const auto outcome = run_troupe({command, folder_, "--port", "0"});
      EXPECT_EQ(outcome.exit_code, code) << outcome.err;
      EXPECT_THAT(outcome.out, Not(HasSubstr("Listening")));
      EXPECT_THAT(outcome.err, HasSubstr(file));
      EXPECT_THAT(outcome.err, HasSubstr(words));
    }
  }

  fs::path folder_;
};

TEST_F(BrokenCheckpoint, WithTruncatedWeights) {
  for (const std::uintmax_t size : {fs::file_size(path("model.safetensors")) - 1, std::uintmax_t{100'000},
                                    std::uintmax_t{100}, std::uintmax_t{7}, std::uintmax_t{0}}) {
    SCOPED_TRACE(size);
    fs::resize_file(path("model.safetensors"), size);
    expect_refused(65, "model.safetensors", "");
  }
}

TEST_F(BrokenCheckpoint, WithAWeightsHeaderThatClaimsToBeHuge) {
  auto text = read("model.safetensors");
  text.replace(0, 8, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
  write("model.safetensors", text);
  expect_refused(65, "model.safetensors", "");
}

TEST_F(BrokenCheckpoint, WithTensorsOfAnotherShapeThanTheConfigSays) {
  replace("config.json", "\"intermediate_size\": 512", "\"intermediate_size\": 513");
  expect_refused(65, "model.safetensors", "513");
}

TEST_F(BrokenCheckpoint, WithMoreLayersThanItHolds) {
  replace("config.json", "\"num_hidden_layers\": 6", "\"num_hidden_layers\": 7");
  expect_refused(65, folder_, "model.layers.6.");
}

TEST_F(BrokenCheckpoint, WithoutWeights) {
  fs::remove(path("model.safetensors"));
  expect_refused(66, folder_, "model.safetensors");
}

TEST_F(BrokenCheckpoint, WithoutConfig) {
  fs::remove(path("config.json"));
  expect_refused(66, "config.json", "");
}

TEST_F(BrokenCheckpoint, WithAConfigThatIsNotJson) {
  write("config.json", "{\"architectures\": [");
  expect_refused(65, "config.json", "");
}

TEST_F(BrokenCheckpoint, WithAnAbsurdNumberInItsConfig) {
  replace("config.json", "\"hidden_size\": 192", "\"hidden_size\": -192");
  expect_refused(65, "config.json", "hidden_size");
}

TEST_F(BrokenCheckpoint, OfAnArchitectureThatIsNotSupported) {
  replace("config.json", "LlamaForCausalLM", "GPT2LMHeadModel");
  expect_refused(65, "config.json", "GPT2LMHeadModel");
}

TEST_F(BrokenCheckpoint, WithARopeScalingThatIsNotSupported) {
  replace("config.json", "\"rope_type\": \"default\"", "\"rope_type\": \"spiral\"");
  expect_refused(65, "config.json", "spiral");
}

TEST_F(BrokenCheckpoint, WithoutTokenizer) {
  fs::remove(path("tokenizer.json"));
  expect_refused(66, "tokenizer.json", "");
}

TEST_F(BrokenCheckpoint, WithATruncatedTokenizer) {
  fs::resize_file(path("tokenizer.json"), 10'000);
  expect_refused(65, "tokenizer.json", "");
}

TEST_F(BrokenCheckpoint, WithATokenizerThatIsNotSupported) {
  replace("tokenizer.json", "\"type\": \"BPE\"", "\"type\": \"Unigram\"");
  expect_refused(65, "tokenizer.json", "Unigram");
}

TEST_F(BrokenCheckpoint, WithAChatTemplateThatCannotBeRead) {
  write("chat_template.jinja", "{% for message in messages %}");
  expect_refused(65, "chat_template.jinja", "");
}

TEST_F(BrokenCheckpoint, ThatIsNotThere) {
  fs::remove_all(folder_);
  expect_refused(66, folder_, "");
}

TEST_F(BrokenCheckpoint, AConfigurationWithAMistakeIsRefusedAtItsLineAndColumn) {
  write("serve.yaml", "model:\n  path: .\nhttp:\n  prot: 9000\n");
  const auto outcome = run_troupe({"serve", "--config", path("serve.yaml")});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, HasSubstr("serve.yaml:4:3"));
  EXPECT_THAT(outcome.err, HasSubstr("port"));
}

TEST_F(BrokenCheckpoint, AnAddressThatOthersCanReachIsRefusedWithoutKeysAndTls) {
  const auto outcome = run_troupe({"serve", folder_, "--port", "0", "--host", "0.0.0.0"});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.out, Not(HasSubstr("Listening")));
  EXPECT_THAT(outcome.err, HasSubstr("allow_insecure"));
}

TEST_F(BrokenCheckpoint, APortThatIsTakenIsRefused) {
  const ServedProcess server;
  const auto port = server.url().substr(server.url().rfind(':') + 1);
  const auto outcome = run_troupe({"serve", folder_, "--port", port});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, HasSubstr(port));
}

}  // namespace
}  // namespace troupe::end_to_end
