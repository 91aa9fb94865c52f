// What a template may not do, and the words it is told so with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/model/chat_template/chat_template.hpp"

namespace troupe::model {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

Error parse_error(const std::string& source, TemplateLimits limits = {}) {
  auto parsed = ChatTemplate::parse(source, "t.jinja", limits);
  EXPECT_FALSE(parsed.ok()) << source;
  return parsed.ok() ? Error{} : parsed.error();
}

Error render_error(const std::string& source, const Json& context = Json::object(), TemplateLimits limits = {}) {
  auto parsed = ChatTemplate::parse(source, "t.jinja", limits);
  EXPECT_TRUE(parsed.ok()) << source << (parsed.ok() ? "" : parsed.error().message);
  if (!parsed.ok()) return {};
  auto rendered = (*parsed)->render(context, 0);
  EXPECT_FALSE(rendered.ok()) << source;
  return rendered.ok() ? Error{} : rendered.error();
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(RefusalTest, NamesThatAreNotKnownAreRefusedAtLoad) {
  const std::pair<const char*, const char*> kCases[] = {
      {"{{ x | uper }}", "t.jinja:1:8: the filter 'uper' is not supported (did you mean \"upper\"?)"},
      {"a\n{{ x is definedd }}", "t.jinja:2:9: the test 'definedd' is not supported (did you mean \"defined\"?)"},
      {"{% include 'x' %}", "the tag 'include' is not supported"},
      {"{% import 'x' as y %}", "the tag 'import' is not supported"},
      {"{% extends 'x' %}", "the tag 'extends' is not supported"},
      {"{{ lipsum() }}", "the function 'lipsum' is not supported"},
      {"{{ x.encode() }}", "the method 'encode' is not supported"},
      {"{{ x | map('nope') }}", "the filter 'nope' is not supported"},
      {"{{ x | selectattr('a', 'nope') }}", "the test 'nope' is not supported"},
      {"{% for x in y recursive %}{% endfor %}", "recursive loops are not supported"},
      {"{{ f(*x) }}", "'*' and '**' arguments are not supported"}};
  for (const auto& [source, message] : kCases) {
    const Error error = parse_error(source);
    EXPECT_EQ(error.code, ErrorCode::kUnsupported) << source;
    EXPECT_THAT(error.message, HasSubstr(message)) << source;
  }
}

TEST(RefusalTest, ASyntaxErrorSaysWhereAndWhatWasExpected) {
  EXPECT_EQ(parse_error("a\n  {{ 1 + }}").message, "t.jinja:2:10: unexpected '}}'; expected an expression");
  EXPECT_THAT(parse_error("{% if x %}").message, HasSubstr("expected '{% endif %}'"));
  EXPECT_THAT(parse_error("{% endfor %}").message, HasSubstr("does not belong here"));
  EXPECT_THAT(parse_error("{{ (1] }}").message, HasSubstr("expected ')'"));
}

TEST(RefusalTest, AFailingOperationSaysWhereAndWhy) {
  EXPECT_EQ(render_error("\n{{ x.y.z }}").message, "t.jinja:2:5: 'x' is undefined");
  EXPECT_THAT(render_error("{{ 'a' + 1 }}").message, HasSubstr("t.jinja:1:4: unsupported types for +: str and int"));
  EXPECT_THAT(render_error("{{ [1].append(2) }}").message, HasSubstr("templates cannot change data"));
}

TEST(RefusalTest, AnExceptionOfTheTemplatesHasItsOwnWordsOnly) {
  const Error error = render_error("{{ raise_exception('Roles must ' ~ x) }}", {{"x", "alternate"}});
  EXPECT_EQ(error.code, ErrorCode::kInvalidInput);
  EXPECT_EQ(error.message, "Roles must alternate");
}

TEST(RefusalTest, ATooLongSourceIsRefused) {
  TemplateLimits limits;
  limits.source_bytes = 10;
  EXPECT_TRUE(ChatTemplate::parse("0123456789", "t", limits).ok());
  EXPECT_EQ(parse_error("0123456789a", limits).code, ErrorCode::kTooLarge);
}

TEST(RefusalTest, InvalidUtf8IsRefusedInSourceAndContext) {
  EXPECT_EQ(parse_error("a\xff").code, ErrorCode::kInvalidInput);
  EXPECT_THAT(render_error("{{ x }}", {{"x", "\xc3"}}).message, HasSubstr("not valid UTF-8"));
}

TEST(RefusalTest, DeepNestingIsRefusedWhateverItIsMadeOf) {
  const std::pair<const char*, const char*> kNests[] = {{"(", ")"},   {"[", "]"},  {"{1:", "}"}, {"-", ""},
                                                        {"not ", ""}, {"x[", "]"}, {"f(", ")"},  {"x is in(", ")"}};
  for (const auto& [open, close] : kNests) {
    const std::string source = "{% set f = 1 %}{{ " + repeated(open, 20'000) + "1" + repeated(close, 20'000) + " }}";
    EXPECT_EQ(parse_error(source).code, ErrorCode::kTooLarge) << open;
  }
  EXPECT_EQ(parse_error(repeated("{% if 1 %}", 5'000) + repeated("{% endif %}", 5'000)).code, ErrorCode::kTooLarge);
  EXPECT_EQ(parse_error("{% set " + repeated("(", 20'000) + "a" + repeated(")", 20'000) + " = 1 %}").code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(parse_error("{{ 1" + repeated(" if 1", 20'000) + " }}").code, ErrorCode::kTooLarge);
}

TEST(RefusalTest, LongChainsAreNotDeep) {
  for (const char* link : {" + 1", " ~ 1", " * 1", " and 1", " < 1", "|string", ".a", "[0]", " if 1 else 1"}) {
    EXPECT_TRUE(ChatTemplate::parse("{{ 1" + repeated(link, 10'000) + " }}", "t").ok()) << link;
  }
}

TEST(RefusalTest, EndlessWorkIsCutOff) {
  const char* const kSources[] = {
      "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
      "{{ 'a' * 1000000000000 }}",
      "{{ [1] * 1000000000000 }}",
      "{{ range(1000000000000) | list }}",
      "{{ '%4000000000d' % 1 }}",
      "{{ 'a'.center(100000000000) }}",
      "{% set n = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(1000) %}{% set n.s = n.s + n.s %}{% endfor %}",
      "{% set n = namespace(s=[1]) %}{% for i in range(1000) %}{% set n.s = n.s + n.s %}{% endfor %}",
      "{% set n = namespace(s=[1]) %}{% for i in range(1000) %}{% set n.s = [n.s, n.s] %}{% endfor %}",
      "{% set n = namespace() %}{% set n.n = n %}{{ n }}",
      "{% for i in range(100000) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
      "{{ ('a' * 4000000) | replace('a', 'b' * 4000000) }}",
      "{{ 'a' | indent('b' * 4000000, true) | indent('b' * 4000000, true) }}"};
  for (const char* source : kSources) EXPECT_EQ(render_error(source).code, ErrorCode::kTooLarge) << source;
}

TEST(RefusalTest, HalvesOfASharedListPrintWithinTheLimits) {
  // 2^40 leaves behind 40 lists: small to hold, endless to print.
  const std::string source =
      "{% set n = namespace(s=1) %}{% for i in range(40) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ ";
  for (const char* use : {"n.s", "n.s | tojson", "n.s == [n.s[0], n.s[1]] and n.s | string"}) {
    EXPECT_EQ(render_error(source + use + " }}").code, ErrorCode::kTooLarge) << use;
  }
}

TEST(RefusalTest, TheStepsAreInclusiveOfTheLastOne) {
  TemplateLimits limits;
  for (limits.steps = 0; limits.steps < 100; ++limits.steps) {
    auto parsed = ChatTemplate::parse("{{ 1 + 1 }}", "t", limits);
    ASSERT_TRUE(parsed.ok());
    if ((*parsed)->render(Json::object(), 0).ok()) break;
  }
  EXPECT_GT(limits.steps, 2);
  EXPECT_LT(limits.steps, 20);
}

TEST(RefusalTest, AConversationNestedTooDeepIsRefused) {
  Json deep = 1;
  for (int i = 0; i < 200; ++i) deep = Json::array({std::move(deep)});
  EXPECT_EQ(render_error("x", {{"deep", deep}}).code, ErrorCode::kTooLarge);
}

TEST(RefusalTest, IntegersDoNotOverflow) {
  for (const char* source :
       {"{{ 9223372036854775807 + 1 }}", "{{ 4611686018427387904 * 2 }}", "{{ -9223372036854775807 - 2 }}",
        "{{ 2 ** 63 }}", "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}"}) {
    EXPECT_EQ(render_error(source).code, ErrorCode::kUnsupported) << source;
  }
  EXPECT_EQ(parse_error("{{ 9223372036854775808 }}").code, ErrorCode::kUnsupported);
}

TEST(RefusalTest, TheSandboxShowsNothingOfTheHost) {
  for (const char* source :
       {"{{ ''.__class__ }}", "{{ [].__class__ }}", "{{ namespace.__init__ }}", "{{ (1).real }}"}) {
    auto parsed = ChatTemplate::parse(source, "t");
    ASSERT_TRUE(parsed.ok()) << source;
    auto rendered = (*parsed)->render(Json::object(), 0);
    ASSERT_TRUE(rendered.ok()) << source;
    EXPECT_TRUE(rendered->empty()) << source;
  }
  EXPECT_FALSE(ChatTemplate::parse("{{ ''.__class__.__mro__[1].__subclasses__() }}", "t").ok());
}

}  // namespace
}  // namespace troupe::model
