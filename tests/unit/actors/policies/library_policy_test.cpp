// Routing policies from shared libraries, and what is refused of libraries of any kind.
#include "actors/policies/library_policy.hpp"

#include <gmock/gmock.h>

#include "tests/unit/actors/policies/policy_libraries.hpp"

namespace troupe::policies {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

RoutingSnapshot machines(std::uint32_t count) {
  RoutingSnapshot snapshot;
  for (std::uint32_t i = 0; i < count; ++i) {
    snapshot.machines.emplace_back();
    snapshot.machines.back().id = MachineId{i};
    snapshot.machines.back().pending_tokens = 100 - i;
  }
  return snapshot;
}

std::string refusal_of(const std::string& name) {
  const auto refused = make_routing_policy(library(name));
  EXPECT_FALSE(refused.ok()) << name;
  if (refused.ok()) return {};
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_THAT(refused.error().message, HasSubstr(library(name)));
  return refused.error().message;
}

TEST(LibraryPolicy, decides_by_the_librarys_code_with_the_settings) {
  RoutingSettings settings;
  settings.seed = 99;
  const auto policy = make_routing_policy(library("good_policy"), settings).value();
  const auto decision = policy->decide(machines(5));
  EXPECT_EQ(decision.prompt_machine, MachineId{4});
  EXPECT_EQ(decision.token_machine, MachineId{4});
  EXPECT_EQ(decision.reason, "the highest id, seed 99");
  EXPECT_EQ(decision.policy, "highest") << "the name that TROUPE_POLICY gave";
  EXPECT_THAT(decision.prompt_candidates, SizeIs(5));
}

TEST(LibraryPolicy, can_be_made_more_than_once) {
  const auto one = make_routing_policy(library("good_policy")).value();
  const auto other = make_routing_policy(library("good_policy")).value();
  EXPECT_EQ(one->decide(machines(2)).prompt_machine, other->decide(machines(2)).prompt_machine);
}

TEST(LibraryPolicy, that_throws_costs_the_decision_and_not_the_node) {
  const Failures failures;
  const auto policy = make_routing_policy(library("bad_policy")).value();
  const auto threw = policy->decide(machines(1));
  EXPECT_EQ(threw.prompt_machine, MachineId{0});
  EXPECT_THAT(threw.reason, AllOf(HasSubstr("it threw: no idea"), HasSubstr("by jsq_tokens")));
  EXPECT_EQ(threw.policy, "bad");
  const auto other = policy->decide(machines(2));
  EXPECT_EQ(other.prompt_machine, MachineId{1}) << "the shortest queue";
  EXPECT_THAT(other.reason, HasSubstr("no std::exception"));
}

TEST(LibraryPolicy, that_fails_is_told_of_once) {
  const Failures failures;
  const auto policy = make_routing_policy(library("bad_policy")).value();
  policy->decide(machines(1));
  policy->decide(machines(1));
  policy->decide(machines(3));
  ASSERT_THAT(failures.told, SizeIs(1));
  EXPECT_EQ(failures.told[0].policy, "bad");
  EXPECT_EQ(failures.told[0].kind, "routing policy");
  EXPECT_EQ(failures.told[0].what, "it threw: no idea");
}

TEST(LibraryPolicy, that_chooses_a_machine_it_was_not_shown_is_overruled) {
  const Failures failures;
  const auto decision = make_routing_policy(library("bad_policy")).value()->decide(machines(3));
  EXPECT_EQ(decision.token_machine, MachineId{2});
  EXPECT_THAT(decision.reason, HasSubstr("it chose machine 77, which it was not shown"));
}

TEST(LibraryPolicy, that_gives_nonsense_for_reasons_is_shown_within_bounds) {
  const auto decision = make_routing_policy(library("bad_policy")).value()->decide(machines(4));
  EXPECT_EQ(decision.prompt_machine, MachineId{0});
  EXPECT_THAT(decision.prompt_candidates, IsEmpty());
  EXPECT_LE(decision.reason.size(), 3u * 500);
  EXPECT_THAT(decision.reason, StartsWith("\xef\xbf\xbd"));
  EXPECT_EQ(decision.policy, "bad") << "not the name that it claims";
}

TEST(LibraryPolicy, that_cannot_be_made_is_refused_with_its_reason) {
  EXPECT_THAT(refusal_of("unmade_policy"), HasSubstr("threw: its table is missing"));
}

TEST(LibraryPolicy, that_makes_none_is_refused) { EXPECT_THAT(refusal_of("none_made"), HasSubstr("made no policy")); }

TEST(LibraryPolicy, without_the_entry_is_refused_with_what_to_write) {
  EXPECT_THAT(refusal_of("no_entry"), AllOf(HasSubstr("no function troupe_policy."), HasSubstr("TROUPE_POLICY(")));
}

TEST(LibraryPolicy, for_another_version_is_refused_with_both) {
  EXPECT_THAT(refusal_of("later_version"), AllOf(HasSubstr("version 3"), HasSubstr("version 2"), HasSubstr("again")));
  EXPECT_THAT(refusal_of("earlier_version"), AllOf(HasSubstr("for version 1"), HasSubstr("has version 2")));
}

TEST(LibraryPolicy, of_a_kind_that_there_is_not_is_refused) {
  EXPECT_THAT(refusal_of("unknown_kind"), HasSubstr("of no kind of policy"));
}

TEST(LibraryPolicy, built_against_other_headers_is_refused) {
  EXPECT_THAT(refusal_of("other_types"), AllOf(HasSubstr("other headers"), HasSubstr("find_package(Troupe)")));
}

TEST(LibraryPolicy, without_a_name_of_its_own_is_refused) {
  EXPECT_THAT(refusal_of("nameless"), HasSubstr("1 to 64 of a-z"));
  EXPECT_THAT(refusal_of("built_in_name"), HasSubstr("like a built-in one"));
}

TEST(LibraryPolicy, that_is_not_there_or_no_library_is_refused) {
  const auto missing = make_routing_policy("./nowhere/libmine.so");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kMissingInput);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("./nowhere/libmine.so"), HasSubstr("scheduling.policy takes"),
                                             HasSubstr("one of splitwise, ")));
  const auto text = make_routing_policy(TROUPE_SOURCE_DIR "/README.md");
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message, AllOf(HasSubstr("README.md"), HasSubstr("docs/policies.md")));
  EXPECT_FALSE(make_routing_policy("/").ok());
}

}  // namespace
}  // namespace troupe::policies
