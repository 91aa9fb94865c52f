#include "tools/simulate/engines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::simulate {
namespace {

using testing::HasSubstr;

TEST(FindEngine, SuggestsThePolicyThatWasMeant) {
  EXPECT_TRUE(find_engine("splitwise_sim").ok());
  EXPECT_THAT(find_engine("splitwise_sin").error().message, HasSubstr("did you mean \"splitwise_sim\""));
  EXPECT_THAT(find_engine("slo_awake").error().message, HasSubstr("did you mean \"slo_aware\""));
}

TEST(FindEngine, KnowsEachPolicyThatItNames) {
  for (const auto& name : policy_names()) EXPECT_TRUE(find_engine(name).ok()) << name;
}

}  // namespace
}  // namespace troupe::simulate
