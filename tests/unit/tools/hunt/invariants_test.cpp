// The judge of the fault hunt: each invariant is broken once, and must be named.
#include "tools/hunt/invariants.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace troupe::hunt {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A request that went as it should.
Played right(FinishReason reason = FinishReason::kLength) {
  Played played;
  auto spec = std::make_shared<RequestSpec>();
  spec->id = RequestId{4};
  spec->prompt = prompt_of(9, 1);
  spec->max_tokens = 12;
  spec->sampling = std::make_shared<const device::SamplingSpec>();
  auto& answer = *played.what.answer;
  answer.tokens = expected(*spec);
  for (const auto token : answer.tokens) answer.text += static_cast<char>('a' + token);
  answer.ends = {{spec->id, reason, {}, {}, 9, 12}};
  answer.ended_at = {TimePoint{5s}};
  played.began = TimePoint{4s};
  played.what.spec = std::move(spec);
  *played.what.gone = true;
  return played;
}

std::vector<std::string> broken(const Played& played) {
  std::vector<Violation> violations;
  check_requests({played}, violations);
  std::vector<std::string> names;
  for (const auto& violation : violations) {
    names.push_back(violation.invariant);
    EXPECT_EQ(violation.request, RequestId{4});
  }
  return names;
}

TEST(Invariants, NothingIsSaidOfARequestThatWentWell) { EXPECT_THAT(broken(right()), IsEmpty()); }

TEST(Invariants, ARequestThatEndsTwiceBreaksS1) {
  auto played = right();
  played.what.answer->ends.push_back(played.what.answer->ends.front());
  EXPECT_THAT(broken(played), ElementsAre("S1"));
}

TEST(Invariants, AnotherTokenBreaksS2) {
  auto played = right();
  auto& token = played.what.answer->tokens.back();
  token = (token + 1) % kLetters;
  EXPECT_THAT(broken(played), ElementsAre("S2", "S2"));  // the stream is no beginning, and the end is not right
}

TEST(Invariants, AnAnswerCutShortBreaksS2) {
  auto played = right();
  played.what.answer->tokens.pop_back();
  played.what.answer->text.pop_back();
  played.what.answer->ends.front().generated_tokens = 11;
  EXPECT_THAT(broken(played), ElementsAre("S2"));
}

TEST(Invariants, AnErrorThatNothingExplainsBreaksS2) {
  auto played = right(FinishReason::kError);
  played.what.answer->ends.front().error = Error{ErrorCode::kUnavailable, "no machine"};
  EXPECT_THAT(broken(played), ElementsAre("S2"));
  played.isolated = true;
  EXPECT_THAT(broken(played), IsEmpty());
}

TEST(Invariants, TokensThatDoNotFollowEachOtherBreakS3) {
  auto played = right();
  played.what.answer->contiguous = false;
  EXPECT_THAT(broken(played), ElementsAre("S3"));
}

TEST(Invariants, ARequestThatStaysBreaksS4) {
  auto played = right();
  *played.what.gone = false;
  EXPECT_THAT(broken(played), ElementsAre("S4"));
}

TEST(Invariants, AWrongCountOfTokensBreaksS8) {
  auto played = right();
  ++played.what.answer->ends.front().generated_tokens;
  EXPECT_THAT(broken(played), ElementsAre("S8"));
}

TEST(Invariants, AnEndLongAfterTheDeadlineBreaksS1UnlessItsNodeStalled) {
  auto played = right(FinishReason::kError);
  played.what.answer->ends.front().error = Error{ErrorCode::kDeadline, "too long"};
  auto spec = std::make_shared<RequestSpec>(*played.what.spec);
  spec->deadline = TimePoint{3s};
  played.what.spec = std::move(spec);
  EXPECT_THAT(broken(played), ElementsAre("S1"));
  played.home_stalled = true;
  EXPECT_THAT(broken(played), IsEmpty());
}

TEST(Invariants, AStopStringEndsWhatIsExpectedOfARequest) {
  auto played = right(FinishReason::kStop);
  auto spec = std::make_shared<RequestSpec>(*played.what.spec);
  auto& answer = *played.what.answer;
  spec->stop = {answer.text.substr(5, 2)};
  const auto at = answer.text.find(spec->stop[0]);
  played.what.spec = std::move(spec);
  answer.text.resize(at);
  answer.tokens.resize(at + 2);
  answer.ends.front().generated_tokens = static_cast<std::int32_t>(at + 2);
  EXPECT_THAT(broken(played), IsEmpty());
}

TEST(Invariants, WhoseNodeDiedOrWhoseClientLeftNeedsNoEnd) {
  auto played = right();
  played.what.answer->ends.clear();
  played.client_gone = true;
  EXPECT_THAT(broken(played), IsEmpty());
  played.client_gone = false;
  played.home_died = true;
  *played.what.gone = false;
  EXPECT_THAT(broken(played), IsEmpty());
}

}  // namespace
}  // namespace troupe::hunt
