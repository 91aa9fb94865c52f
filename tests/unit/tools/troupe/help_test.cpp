#include "tools/troupe/help.hpp"

#include <gmock/gmock.h>

#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"

namespace troupe {
namespace {

using ::testing::HasSubstr;

/// The command line as `troupe` has it, with what a refused one is told.
class CommandLine : public ::testing::Test {
 protected:
  CommandLine() {
    app_.formatter(std::make_shared<ExamplesFirst>());
    app_.require_subcommand(0, 1);
    for (auto* add : {add_serve, add_up, add_run, add_check, add_status, add_request, add_schema, add_version})
      add(app_, chosen_);
  }
  std::string refusal_of(std::vector<std::string> words) {
    const std::vector<std::string> given = words;
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
      app_.parse(words);
    } catch (const CLI::ParseError& error) {
      return usage_message(app_, given, error.what());
    }
    return "accepted";
  }

  CLI::App app_{"test", "troupe"};
  std::function<int()> chosen_;
};

TEST_F(CommandLine, AMisspelledCommandIsAnsweredWithTheNearestOne) {
  EXPECT_THAT(refusal_of({"srve", "model"}), HasSubstr("there is no command \"srve\" (did you mean \"serve\"?)"));
}

TEST_F(CommandLine, AMisspelledFlagIsAnsweredWithTheNearestOneOfItsCommand) {
  EXPECT_THAT(refusal_of({"serve", "model", "--prot", "80"}),
              HasSubstr("there is no flag \"--prot\" (did you mean \"--port\"?)"));
  EXPECT_THAT(refusal_of({"status", "--jsno"}), HasSubstr("(did you mean \"--json\"?)"));
}

TEST_F(CommandLine, AFlagWithItsValueAttachedIsStillNamedWithoutIt) {
  EXPECT_THAT(refusal_of({"serve", "model", "--prot=80"}), HasSubstr("there is no flag \"--prot\" (did"));
}

TEST_F(CommandLine, AnUnknownSettingIsAnsweredWithTheNearestOne) {
  EXPECT_THAT(refusal_of({"serve", "model", "--set", "http.prot=80"}), HasSubstr("(did you mean \"http.port\"?)"));
}

TEST_F(CommandLine, ASettingWithoutAValueIsRefused) {
  EXPECT_THAT(refusal_of({"serve", "model", "--set", "http.port"}), HasSubstr("KEY=VALUE"));
}

TEST_F(CommandLine, TheModelMayFollowTheFlags) {
  EXPECT_EQ(refusal_of({"serve", "--set", "http.port=1", "--set", "http.address=::1", "--allow-insecure", "model"}),
            "accepted");
  EXPECT_TRUE(chosen_);
}

TEST_F(CommandLine, ARequestNeedsAnId) { EXPECT_THAT(refusal_of({"request"}), HasSubstr("ID is required")); }

TEST_F(CommandLine, UrlAndPortExcludeEachOther) {
  EXPECT_NE(refusal_of({"status", "--url", "http://x", "--port", "80"}), "accepted");
  EXPECT_NE(refusal_of({"status", "--port", "0"}), "accepted");
}

TEST_F(CommandLine, HelpStartsWithExamples) {
  for (const CLI::App* command : app_.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string help = command->help();
    const std::size_t examples = help.find("Examples:\n");
    ASSERT_NE(examples, std::string::npos) << command->get_name();
    EXPECT_LT(examples, help.find("Usage:")) << command->get_name();
  }
}

TEST(ExitCodes, SayWhetherTryingAgainHelps) {
  EXPECT_EQ(exit_code_of(ErrorCode::kConfig), 78);
  EXPECT_EQ(exit_code_of(ErrorCode::kInvalidInput), 65);
  EXPECT_EQ(exit_code_of(ErrorCode::kMissingInput), 66);
  EXPECT_EQ(exit_code_of(ErrorCode::kUnavailable), 69);
  EXPECT_EQ(exit_code_of(ErrorCode::kOverloaded), 75);
  EXPECT_EQ(exit_code_of(ErrorCode::kInternal), 70);
}

}  // namespace
}  // namespace troupe
