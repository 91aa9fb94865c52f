// Templates and conversations with pieces cut, doubled, swapped and replaced: any outcome is fine, as long as there is
// one.
#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/file.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/model/chat_template/chat_template.hpp"

namespace troupe::model {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPieces[] = {"{{",
                                   "}}",
                                   "{%",
                                   "%}",
                                   "{#",
                                   "#}",
                                   "-",
                                   "+",
                                   "(",
                                   ")",
                                   "[",
                                   "]",
                                   "{",
                                   "}",
                                   "|",
                                   ".",
                                   ",",
                                   ":",
                                   "=",
                                   "~",
                                   "*",
                                   "**",
                                   "//",
                                   " if ",
                                   " else ",
                                   " not ",
                                   " in ",
                                   " is ",
                                   "'",
                                   "\"",
                                   "\\",
                                   "\n",
                                   "endfor",
                                   "set",
                                   "loop",
                                   "messages",
                                   "namespace()",
                                   "range(9)",
                                   "|list",
                                   "|first",
                                   "|tojson",
                                   "|sort",
                                   "|map('upper')",
                                   "|join",
                                   "[::-1]",
                                   "[1:]",
                                   "none",
                                   "1e9",
                                   "-1",
                                   "9223372036854775807",
                                   "caller()",
                                   "macro m(a)",
                                   "m(1)",
                                   "{% raw %}",
                                   "\xc3\xa9",
                                   "\xff",
                                   "",
                                   ".items()",
                                   ".split('')",
                                   "%s"};

std::string mutated(std::string text, RandomStream& random) {
  const std::uint64_t changes = 1 + random.below(4);
  for (std::uint64_t i = 0; i < changes; ++i) {
    const auto at = static_cast<std::size_t>(random.below(text.size() + 1));
    const auto length = static_cast<std::size_t>(random.below(1 + std::min<std::size_t>(text.size() - at, 24)));
    switch (random.below(4)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, kPieces[random.below(std::size(kPieces))]);
        break;
      case 2:
        text.replace(at, length, kPieces[random.below(std::size(kPieces))]);
        break;
      default:
        text.insert(static_cast<std::size_t>(random.below(text.size() + 1)), text.substr(at, length));
    }
  }
  return text;
}

Json scrambled(const Json& value, RandomStream& random) {
  switch (random.below(40)) {
    case 0:
      return nullptr;
    case 1:
      return -1.5e300;
    case 2:
      return 18446744073709551615u;
    case 3:
      return Json::array({value, value});
    case 4:
      return Json::object({{"role", "tool"}, {"items", value}, {"", 1}});
    case 5:
      return "\xc2\xa0 <|im_end|> \xf0\x9f\x98\x80";
    default:
      break;
  }
  if (!value.is_structured()) return value;
  Json out = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, member] : value.items()) {
    if (random.below(40) == 0) continue;
    if (value.is_array()) {
      out.push_back(scrambled(member, random));
    } else {
      out[key] = scrambled(member, random);
    }
  }
  return out;
}

/// Parses and renders; what comes out must keep the promises of the header.
void try_out(const std::string& source, const Json& context, int& rendered_count) {
  TemplateLimits limits;
  limits.steps = 20'000;
  limits.output_bytes = 1 << 16;
  auto parsed = ChatTemplate::parse(source, "t", limits);
  if (!parsed.ok()) {
    ASSERT_FALSE(parsed.error().message.empty());
    return;
  }
  auto rendered = (*parsed)->render(context, 1785067200);
  if (!rendered.ok()) return;
  ++rendered_count;
  std::size_t size = 0;
  for (std::size_t i = 0; i < rendered->size(); ++i) {
    const RenderedPart& part = (*rendered)[i];
    ASSERT_FALSE(part.text.empty());
    ASSERT_TRUE(is_valid_utf8(part.text));
    ASSERT_TRUE(i == 0 || part.trusted != (*rendered)[i - 1].trusted);
    size += part.text.size();
  }
  ASSERT_LE(size, limits.output_bytes);
}

Json golden(const std::string& name) {
  auto text = read_file(std::string(TROUPE_SOURCE_DIR) + "/tests/golden/chat_template/" + name, 1 << 22);
  return text.ok() ? Json::parse(*text) : Json();
}

TEST(MutationTest, ChangedTemplatesAndConversationsNeverCrash) {
  const Json contexts = golden("renders.json")["contexts"];
  std::vector<std::string> sources;
  const std::string folder = std::string(TROUPE_SOURCE_DIR) + "/tests/golden/chat_template/templates";
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    sources.push_back(read_file(entry.path().string(), 1 << 20).value());
  std::sort(sources.begin(), sources.end());  // a directory has no order of its own
  ASSERT_GT(sources.size(), 30u);
  RandomStream random(20261121);
  int rendered_count = 0;
  for (int round = 0; round < 40; ++round) {
    for (const std::string& source : sources) {
      auto context = contexts.begin();
      std::advance(context, random.below(contexts.size()));
      const bool change_source = random.below(3) != 0;
      try_out(change_source ? mutated(source, random) : source, change_source ? *context : scrambled(*context, random),
              rendered_count);
    }
  }
  EXPECT_GT(rendered_count, 200);
}

TEST(MutationTest, ChangedSnippetsNeverCrash) {
  const Json all = golden("snippets.json");
  RandomStream random(7);
  int rendered_count = 0;
  for (int round = 0; round < 60; ++round) {
    for (const Json& snippet : all["snippets"]) {
      std::string source = mutated(snippet["source"], random);
      if (random.below(4) == 0)
        source += mutated(all["snippets"][random.below(all["snippets"].size())]["source"], random);
      try_out(source, random.below(2) == 0 ? all["context"] : scrambled(all["context"], random), rendered_count);
    }
  }
  EXPECT_GT(rendered_count, 1000);
}

}  // namespace
}  // namespace troupe::model
