#include "tools/troupe/chat.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using Json = nlohmann::json;

TEST(Chat, AsksWithTheSystemTextAndAllThatWasSaid) {
  Chat chat({});
  ASSERT_TRUE(chat.set_system("Be brief.").ok());
  chat.remember("Hi", "Hello");
  const auto body = chat.ask("Why?");
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(Json::parse(*body),
            Json::parse(R"({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
      {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Why?"}]})"));
}

TEST(Chat, ForgetsTurnsButNotTheSystemText) {
  Chat chat({});
  ASSERT_TRUE(chat.set_system("S").ok());
  chat.remember("a", "b");
  chat.clear();
  EXPECT_EQ(Json::parse(*chat.ask("c"))["messages"].size(), 2u);
}

TEST(Chat, GivesOnlyTheSamplingThatWasAskedFor) {
  ChatSampling sampling;
  sampling.temperature = 0.0;
  sampling.max_tokens = 5;
  const Json body = Json::parse(*Chat(sampling).ask("x"));
  EXPECT_EQ(body["temperature"], 0.0);
  EXPECT_EQ(body["max_tokens"], 5);
  EXPECT_FALSE(body.contains("top_p"));
  EXPECT_FALSE(body.contains("seed"));
}

TEST(Chat, CompletesAPromptWithoutMessages) {
  const Json body = Json::parse(*Chat({}).complete("Once"));
  EXPECT_EQ(body["prompt"], "Once");
  EXPECT_FALSE(body.contains("messages"));
}

TEST(Chat, RefusesWhatIsNotUtf8InsteadOfSendingIt) {
  EXPECT_FALSE(Chat({}).ask("caf\xe9").ok());
  EXPECT_FALSE(Chat({}).complete("\xff").ok());
  EXPECT_FALSE(Chat({}).set_system("\xc3").ok());
}

TEST(Chat, KeepsAnAnswerThatBrokeOffInsideACharacter) {
  Chat chat({});
  chat.remember("q", "caf\xc3");
  EXPECT_TRUE(chat.ask("next").ok());
}

}  // namespace
}  // namespace troupe
