// Renders compared with python's jinja2: tests/golden/make_template_golden.py made the expectations.
#include <gtest/gtest.h>

#include "runtime/base/file.hpp"
#include "runtime/model/chat_template/chat_template.hpp"

namespace troupe::model {
namespace {

using Json = nlohmann::ordered_json;

const std::string kFolder = std::string(TROUPE_SOURCE_DIR) + "/tests/golden/chat_template/";

std::string read(const std::string& name) {
  auto text = read_file(kFolder + name, 1 << 22);
  EXPECT_TRUE(text.ok()) << name;
  return text.ok() ? *text : "";
}

/// What came out, in the words of the golden files.
Json outcome(const std::string& source, const Json& context, std::int64_t now) {
  auto parsed = ChatTemplate::parse(source, "t");
  if (!parsed.ok()) return {{"refused", true}, {"message", parsed.error().message}};
  auto rendered = (*parsed)->render(context, now);
  if (!rendered.ok()) return {{"fails", true}, {"message", rendered.error().message}};
  std::string text;
  for (const RenderedPart& part : *rendered) text += part.text;
  return {{"text", text}};
}

void expect_same(const Json& expected, const Json& got, const std::string& what) {
  if (expected.contains("text")) {
    const std::string text = got.contains("text") ? got["text"].get<std::string>() : got.dump();
    EXPECT_EQ(text, expected["text"].get<std::string>()) << what;
  } else if (expected.contains("raised")) {
    EXPECT_EQ(got.value("message", "no error"), expected["raised"].get<std::string>()) << what;
  } else {
    // A template that jinja2 refuses only when it runs may be refused at load here.
    EXPECT_FALSE(got.contains("text")) << what << "\nrendered: " << got.value("text", "");
    EXPECT_TRUE(got.contains("refused") || !expected.contains("refused")) << what << "\n" << got.value("message", "");
  }
}

TEST(GoldenTest, EveryFamilysTemplateRendersEveryConversationAsJinja2Does) {
  const Json golden = Json::parse(read("renders.json"));
  ASSERT_GT(golden["renders"].size(), 300u);
  std::string name, source;
  for (const Json& expected : golden["renders"]) {
    if (name != expected["template"]) {
      name = expected["template"];
      source = read("templates/" + name);
    }
    const std::string context = expected["context"];
    expect_same(expected, outcome(source, golden["contexts"][context], golden["now_unix_s"]),
                name + " over " + context);
  }
}

TEST(GoldenTest, EverySnippetGivesWhatJinja2Gives) {
  const Json golden = Json::parse(read("snippets.json"));
  ASSERT_GT(golden["snippets"].size(), 150u);
  for (const Json& expected : golden["snippets"]) {
    const std::string source = expected["source"];
    expect_same(expected, outcome(source, golden["context"], golden["now_unix_s"]), source);
  }
}

}  // namespace
}  // namespace troupe::model
