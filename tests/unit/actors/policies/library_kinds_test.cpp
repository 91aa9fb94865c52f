// Policies from shared libraries that are not about routing: which are used for what, and what their failures cost.
#include <gmock/gmock.h>

#include "actors/policies/library_policy.hpp"
#include "actors/policies/machine_policies.hpp"
#include "tests/unit/actors/policies/policy_libraries.hpp"

namespace troupe::policies {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

/// Numbered from 10 on, each with so many tokens, of which the first has run.
PromptBatchSnapshot prompts(const std::vector<std::int32_t>& totals) {
  PromptBatchSnapshot snapshot{100, {}};
  for (const auto total : totals) {
    auto& prompt = snapshot.queue.emplace_back();
    prompt.number = 10 + snapshot.queue.size() - 1;
    prompt.total = total;
    prompt.done = 1;
  }
  return snapshot;
}

/// "11:39 10:1"
std::string shares_of(const std::string& policy, const PromptBatchSnapshot& snapshot) {
  std::string text;
  for (const auto& share : make_prompt_batch_policy(library(policy)).value()->decide(snapshot))
    text += (text.empty() ? "" : " ") + std::to_string(share.number) + ":" + std::to_string(share.tokens);
  return text;
}

TokenBatchSnapshot sequences(std::size_t count) {
  TokenBatchSnapshot snapshot;
  for (std::size_t i = 0; i < count; ++i) snapshot.sequences.emplace_back().number = 10 + i;
  return snapshot;
}

/// Each has waited for so long; the longer one waits, the fewer tokens it has.
AdmissionSnapshot waiting(const std::vector<std::chrono::milliseconds>& waits) {
  AdmissionSnapshot snapshot;
  for (const auto wait : waits) {
    auto& request = snapshot.waiting.emplace_back();
    request.number = 10 + snapshot.waiting.size() - 1;
    request.waited = wait;
    request.tokens = 1000 - static_cast<std::int32_t>(wait.count());
  }
  return snapshot;
}

RoleSnapshot machines(std::uint32_t count) {
  RoleSnapshot snapshot;
  for (std::uint32_t i = 0; i < count; ++i) {
    snapshot.machines.emplace_back();
    snapshot.machines.back().id = MachineId{i};
    snapshot.machines.back().pending_prompt_tokens = 100;
  }
  return snapshot;
}

TEST(LibraryOfPrompts, decides_by_its_own_rule) {
  EXPECT_EQ(shares_of("good_prompts", prompts({20, 30})), "11:29 10:19");
}

TEST(LibraryOfPrompts, that_throws_leaves_the_decision_to_fcfs) {
  const Failures failures;
  EXPECT_EQ(shares_of("bad_prompts", prompts({20})), "10:19");
  ASSERT_THAT(failures.told, SizeIs(1));
  EXPECT_EQ(failures.told[0].policy, "bad_prompts");
  EXPECT_EQ(failures.told[0].kind, "policy of prompt batches");
  EXPECT_EQ(failures.told[0].what, "it threw: no idea");
}

TEST(LibraryOfPrompts, that_names_nobody_who_is_queued_leaves_the_decision_to_fcfs) {
  const Failures failures;
  EXPECT_EQ(shares_of("bad_prompts", prompts({20, 30})), "10:19 11:29");
  ASSERT_THAT(failures.told, SizeIs(1));
  EXPECT_THAT(failures.told[0].what, HasSubstr("no prompt that is queued"));
}

TEST(LibraryOfPrompts, is_taken_at_its_word_once_a_prompt_and_within_its_tokens) {
  const Failures failures;
  EXPECT_EQ(shares_of("bad_prompts", prompts({20, 30, 40})), "11:29 10:1");
}

TEST(LibraryOfTokens, decides_by_its_own_rule) {
  const auto policy = make_token_batch_policy(library("good_tokens")).value();
  EXPECT_THAT(policy->choose_batch(sequences(3)), ElementsAre(12));
  EXPECT_EQ(policy->choose_victim(sequences(3)), 10u);
}

TEST(LibraryOfTokens, that_throws_leaves_the_decision_to_newest_first) {
  const Failures failures;
  const auto policy = make_token_batch_policy(library("bad_tokens")).value();
  EXPECT_THAT(policy->choose_batch(sequences(1)), ElementsAre(10));
  EXPECT_EQ(policy->choose_victim(sequences(1)), 10u);
  ASSERT_THAT(failures.told, SizeIs(1));
  EXPECT_EQ(failures.told[0].what, "it threw: no idea");
}

TEST(LibraryOfTokens, that_names_nobody_who_is_there_leaves_the_decision_to_newest_first) {
  const Failures failures;
  const auto policy = make_token_batch_policy(library("bad_tokens")).value();
  EXPECT_EQ(policy->choose_victim(sequences(2)), 11u);
  EXPECT_THAT(policy->choose_batch(sequences(2)), ElementsAre(10, 11));
  ASSERT_THAT(failures.told, SizeIs(1));
  EXPECT_THAT(failures.told[0].what, HasSubstr("sequence 77 as a victim"));
}

TEST(LibraryOfTokens, is_taken_at_its_word_once_a_sequence_and_no_longer_than_the_snapshot) {
  const Failures failures;
  EXPECT_THAT(make_token_batch_policy(library("bad_tokens")).value()->choose_batch(sequences(3)), ElementsAre(11));
}

TEST(LibraryOfAdmission, decides_by_its_own_rule_with_the_settings) {
  AdmissionSettings settings;
  settings.slo.ttft = 500ms;
  const auto policy = make_admission_policy(library("good_admission"), settings).value();
  const auto admission = policy->decide(waiting({600ms, 10ms, 400ms}));
  EXPECT_EQ(admission.next, 12u) << "the fewest tokens of those that are in time";
  ASSERT_THAT(admission.refused, SizeIs(1));
  EXPECT_EQ(admission.refused[0].number, 10u);
  EXPECT_EQ(admission.refused[0].reason, "too late");
}

TEST(LibraryOfAdmission, cannot_refuse_who_has_begun) {
  auto snapshot = waiting({600'000ms, 10ms});
  snapshot.waiting[0].begun = true;
  EXPECT_THAT(make_admission_policy(library("good_admission")).value()->decide(snapshot).refused, IsEmpty());
}

TEST(LibraryOfAdmission, that_throws_leaves_the_decision_to_fcfs) {
  const Failures failures;
  const auto admission = make_admission_policy(library("bad_admission")).value()->decide(waiting({1ms}));
  EXPECT_EQ(admission.next, 10u);
  EXPECT_THAT(admission.refused, IsEmpty());
  ASSERT_THAT(failures.told, SizeIs(1));
  EXPECT_EQ(failures.told[0].what, "it threw: no idea");
}

TEST(LibraryOfAdmission, that_chooses_nobody_who_is_there_gets_the_first_that_it_does_not_refuse) {
  const Failures failures;
  const auto admission = make_admission_policy(library("bad_admission")).value()->decide(waiting({1ms, 1ms}));
  EXPECT_EQ(admission.next, 11u);
  ASSERT_THAT(admission.refused, SizeIs(1));
  EXPECT_EQ(admission.refused[0].number, 10u);
  EXPECT_EQ(admission.refused[0].reason, "The admission policy bad_admission refused it; try again later.");
  ASSERT_THAT(failures.told, SizeIs(1));
  EXPECT_THAT(failures.told[0].what, HasSubstr("request number 77"));
}

TEST(LibraryOfAdmission, refuses_each_request_once_in_words_that_are_short) {
  const Failures failures;
  const auto admission = make_admission_policy(library("bad_admission")).value()->decide(waiting({1ms, 1ms, 1ms}));
  ASSERT_THAT(admission.refused, SizeIs(2));
  EXPECT_EQ(admission.refused[0].number, 10u);
  EXPECT_THAT(admission.refused[0].reason, StartsWith("\xef\xbf\xbd"));
  EXPECT_LE(admission.refused[0].reason.size(), 3u * 500);
  EXPECT_EQ(admission.refused[1].number, 11u);
  EXPECT_EQ(admission.next, 12u) << "not the one that is refused";
}

TEST(LibraryOfRoles, decides_by_its_own_rule_with_the_settings) {
  RoleSettings settings;
  settings.full_prompt_tokens = 250;
  const auto policy = make_role_policy(library("good_roles"), settings).value();
  EXPECT_THAT(policy->decide(machines(2)), IsEmpty());
  const auto changes = policy->decide(machines(3));
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].machine, MachineId{2});
  EXPECT_EQ(changes[0].role, Role::kPrompt);
  EXPECT_EQ(changes[0].reason, "over 250");
}

TEST(LibraryOfRoles, changes_nothing_that_is_so_already_and_nothing_that_drains) {
  RoleSettings settings;
  settings.full_prompt_tokens = 0;
  const auto policy = make_role_policy(library("good_roles"), settings).value();
  auto snapshot = machines(1);
  snapshot.machines[0].draining = true;
  EXPECT_THAT(policy->decide(snapshot), IsEmpty());
  snapshot.machines[0].draining = false;
  snapshot.machines[0].role = Role::kPrompt;
  EXPECT_THAT(policy->decide(snapshot), IsEmpty());
  snapshot.machines[0].role = Role::kToken;
  EXPECT_THAT(policy->decide(snapshot), SizeIs(1));
}

TEST(LibraryOfRoles, that_throws_changes_nothing) {
  const Failures failures;
  EXPECT_THAT(make_role_policy(library("bad_roles")).value()->decide(machines(1)), IsEmpty());
  ASSERT_THAT(failures.told, SizeIs(1));
  EXPECT_EQ(failures.told[0].what, "it threw: no idea");
}

TEST(LibraryOfRoles, that_names_a_role_or_a_machine_that_there_is_not_changes_nothing) {
  const Failures failures;
  EXPECT_THAT(make_role_policy(library("bad_roles")).value()->decide(machines(2)), IsEmpty());
  ASSERT_THAT(failures.told, SizeIs(1));
  EXPECT_THAT(failures.told[0].what, HasSubstr("machine 0 role number 200"));
}

TEST(LibraryOfRoles, changes_each_machine_once_for_a_reason_that_is_short) {
  const Failures failures;
  const auto changes = make_role_policy(library("bad_roles")).value()->decide(machines(3));
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_EQ(changes[0].machine, MachineId{0});
  EXPECT_EQ(changes[0].role, Role::kToken);
  EXPECT_THAT(changes[0].reason, StartsWith("\xef\xbf\xbd"));
  EXPECT_LE(changes[0].reason.size(), 3u * 500);
  EXPECT_EQ(changes[1].machine, MachineId{1});
  EXPECT_EQ(changes[1].reason, "as bad_roles has it");
}

/// The refusal by the key that wants a policy of this kind; empty where the library is taken.
template <class Made>
std::string refusal(const Made& made) {
  return made.ok() ? "" : made.error().message;
}

TEST(LibraryOfAKind, is_taken_by_the_key_of_its_kind_alone_and_told_where_it_belongs) {
  const std::pair<const char*, const char*> libraries[] = {{"good_policy", "scheduling.policy (routing policy)"},
                                                           {"good_prompts", "scheduling.prompt_batching (policy of"},
                                                           {"good_tokens", "scheduling.token_batching (policy of"},
                                                           {"good_admission", "scheduling.admission (admission"},
                                                           {"good_roles", "roles.policy (role policy)"}};
  for (std::size_t is = 0; is < std::size(libraries); ++is) {
    const auto path = library(libraries[is].first);
    const std::string refusals[] = {refusal(make_routing_policy(path)), refusal(make_prompt_batch_policy(path)),
                                    refusal(make_token_batch_policy(path)), refusal(make_admission_policy(path)),
                                    refusal(make_role_policy(path))};
    for (std::size_t wanted = 0; wanted < std::size(libraries); ++wanted) {
      SCOPED_TRACE(path + " as " + libraries[wanted].second);
      if (is == wanted) {
        EXPECT_EQ(refusals[wanted], "");
      } else {
        EXPECT_THAT(refusals[wanted], AllOf(HasSubstr(std::string("is for ") + libraries[is].second),
                                            HasSubstr(std::string("not for ") + libraries[wanted].second)));
      }
    }
  }
}

TEST(LibraryOfAKind, that_is_not_there_is_refused_with_the_names_of_its_kind) {
  const auto missing = make_admission_policy("./nowhere/libmine.so");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kMissingInput);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("./nowhere/libmine.so"), HasSubstr("scheduling.admission takes"),
                                             HasSubstr("fcfs, shed_late")));
}

TEST(LibraryOfAKind, is_asked_by_its_machine_in_place_of_the_planners_own_rule) {
  const auto policies =
      make_machine_policies({library("good_prompts"), library("good_tokens"), library("good_admission")}, {}).value();
  EXPECT_EQ(policies.prompts->decide(prompts({20, 30})).front().number, 11u);
  EXPECT_THAT(policies.tokens->choose_batch(sequences(2)), ElementsAre(11));
  EXPECT_EQ(policies.admission->decide(waiting({1ms, 2ms})).next, 11u);
}

class OfTwoKinds : public AdmissionPolicy, public RolePolicy {};
class OfNoKind {};
class NotPublicly : RoutingPolicy {};
class OfOneKind : public AdmissionPolicy {};
class Nearer : public OfOneKind {};

TEST(LibraryOfAKind, is_of_the_kind_from_which_its_class_is_derived_publicly) {
  EXPECT_EQ(kKindsOf<OfTwoKinds>, 2);
  EXPECT_EQ(kKindsOf<OfNoKind>, 0);
  EXPECT_EQ(kKindsOf<NotPublicly>, 0);
  EXPECT_EQ(kKindsOf<Nearer>, 1);
}

TEST(LibraryOfAKind, has_a_fingerprint_of_the_types_of_its_kind) {
  EXPECT_NE(policy_types_fingerprint<RoutingPolicy>(), policy_types_fingerprint<AdmissionPolicy>());
  EXPECT_NE(policy_types_fingerprint<PromptBatchPolicy>(), policy_types_fingerprint<TokenBatchPolicy>());
}

}  // namespace
}  // namespace troupe::policies
