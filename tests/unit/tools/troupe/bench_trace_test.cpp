#include "tools/troupe/bench_trace.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(ParseTrace, CountsTimesFromTheFirstRequest) {
  const auto trace = parse_trace(
      "{\"timestamp\": 27482, \"input_length\": 6955, \"output_length\": 52, \"hash_ids\": [46, 47]}\n"
      "{\"timestamp\": 30535, \"input_length\": 6472, \"output_length\": 26}\n",
      10);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace->size(), 2u);
  EXPECT_EQ(trace->at(0).at, 0);
  EXPECT_NEAR(trace->at(1).at, 3.053, 1e-9);
  EXPECT_EQ(trace->at(0).input_tokens, 6955u);
  EXPECT_EQ(trace->at(1).output_tokens, 26u);
  EXPECT_EQ(trace->at(0).hash_ids.size(), 2u);
}

TEST(ParseTrace, SaysWhyATraceIsRefused) { EXPECT_FALSE(parse_trace("a,b\n1,2\n", 10).ok()); }

}  // namespace
}  // namespace troupe
