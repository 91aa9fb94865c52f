// `troupe simulate`, as it is typed.
#include <cstdio>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

TEST(Simulate, PlaysAMadeUpLoadAndWritesItsFiles) {
  const std::string at = testing::TempDir() + "/simulated";
  const auto outcome =
      run_troupe({"simulate", "--machines", "prompt:h100-80gb*2,token:a100-80gb*2", "--rate", "5", "--duration", "4",
                  "--requests-csv", at + ".csv", "--json", at + ".json", "--html", at + ".html"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("TTFT"), HasSubstr("SLO: 9 of 9 hold"), HasSubstr("token    a100-80gb")));
  EXPECT_THAT(text_of(at + ".csv"), StartsWith("id,arrival_s,prompt_tokens,output_tokens,queue_s,ttft_s,e2e_s,"));
  const auto summary = Json::parse(text_of(at + ".json"), nullptr, false);
  ASSERT_TRUE(summary.is_object());
  EXPECT_EQ(summary["finished"], summary["requests"]);
  EXPECT_THAT(text_of(at + ".html"), AllOf(StartsWith("<!doctype html>"), HasSubstr("troupe simulate --machines")));
}

TEST(Simulate, SweepsInProcessesAndNamesTheKnee) {
  const auto outcome = run_troupe({"simulate", TROUPE_SOURCE_DIR "/cluster_configs/splitwise/hh.yaml", "--duration",
                                   "2", "--sweep", "rate=5:10:5", "--sweep", "prompt_machines=20:25:5"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("knee: up to 10 requests/s all SLOs hold (prompt:h100-80gb*20,token:h100-80gb*20)"),
                    HasSubstr("(prompt:h100-80gb*25,token:h100-80gb*15)")));
}

TEST(Simulate, SaysWhatWasMeant) {
  const auto hardware = run_troupe({"simulate", "--machines", "mixed:h10-80gb*2", "--rate", "5"});
  EXPECT_EQ(hardware.exit_code, 65);
  EXPECT_THAT(hardware.err, HasSubstr("did you mean \"h100-80gb\""));
  const auto trace = run_troupe({"simulate", "--machines", "mixed:h100-80gb*2", "--trace", "/nowhere.csv"});
  EXPECT_EQ(trace.exit_code, 66);
}

}  // namespace
}  // namespace troupe::end_to_end
