#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>

#include "tools/troupe/bench.hpp"
#include "tools/troupe/bench_progress.hpp"

namespace troupe {
namespace {

using testing::HasSubstr;

/// Parses `troupe bench <words>`; whether it was taken, and then whether it chose something to run.
bool parses(const std::string& words) {
  CLI::App app("test", "troupe");
  std::function<int()> chosen;
  add_bench(app, chosen);
  try {
    app.parse("bench " + words);
  } catch (const CLI::ParseError&) {
    return false;
  }
  return chosen != nullptr;
}

TEST(BenchCommand, TakesTheOptionsThatItsHelpNames) {
  for (const char* words :
       {"", "--request-rate inf", "--request-rate 2.5 --num-prompts 10", "--concurrency 8",
        "--max-concurrency 8 --ignore-eos --seed 3", "--endpoint chat --json --detailed", "--goodput ttft:500 tpot:50",
        "--trace f.csv --time-scale 0.5 --clip-input 10", "--metric-percentiles 50,90,99.9",
        "--url https://h:1 --insecure --api-key k", R"(--extra-body '{"return_token_ids": true}')"})
    EXPECT_TRUE(parses(words)) << words;
}

TEST(BenchCommand, RefusesWhatMakesNoSense) {
  for (const char* words :
       {"--request-rate 0", "--request-rate -1", "--request-rate fast", "--num-prompts 0", "--max-concurrency 0",
        "--endpoint chats", "--time-scale 2", "--trace f.csv --request-rate 3", "--trace f.csv --input-len 3",
        "--input-len -5", "--metric-percentiles 101", "--extra-body [1]", "--extra-body {", "--nonsense"})
    EXPECT_FALSE(parses(words)) << words;
}

TEST(ParseGoodput, ReadsBoundsAndNamesWhatItCannotRead) {
  const auto bounds = parse_goodput({"ttft:500", "e2el:2500.5"});
  ASSERT_TRUE(bounds.ok());
  EXPECT_EQ(bounds->ttft_ms, 500);
  EXPECT_EQ(bounds->e2el_ms, 2500.5);
  EXPECT_FALSE(bounds->tpot_ms);
  EXPECT_FALSE(parse_goodput({})->asked_for());
  for (const char* bad : {"ttft", "ttft:", "ttft:x", "ttft:1x", "ttft:0", "ttft:inf", "ttft:nan", "itl:5", ":5"}) {
    const auto refused = parse_goodput({bad});
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_THAT(refused.error().message, HasSubstr(bad));
  }
  EXPECT_FALSE(parse_goodput({"ttft:1", "ttft:2"}).ok());
}

TEST(BaseUrl, DropsWhatTheEndpointAdds) {
  for (const char* url : {"http://a:1", "http://a:1/", "http://a:1/v1", "http://a:1/v1/"})
    EXPECT_EQ(base_url(url), "http://a:1") << url;
  EXPECT_EQ(base_url("http://a/prefix/v1"), "http://a/prefix");
}

TEST(PlanRequests, ScalesAndClipsATrace) {
  const auto path = testing::TempDir() + "troupe_bench_trace.csv";
  std::ofstream(path) << "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-01-01 00:00:00,100,50\n2023-01-01 "
                         "00:00:04,5,500\n2023-01-01 00:00:08,5,5\n";
  BenchOptions options;
  options.trace = path;
  options.num_prompts = 2;
  options.time_scale = 0.5;
  options.clip_input = 20;
  options.clip_output = 60;
  const auto requests = plan_requests(options);
  std::remove(path.c_str());
  ASSERT_TRUE(requests.ok()) << requests.error().message;
  ASSERT_EQ(requests->size(), 2u);
  EXPECT_DOUBLE_EQ(requests->at(1).at, 2);
  EXPECT_EQ(requests->at(0).input_tokens, 20u);
  EXPECT_EQ(requests->at(0).output_tokens, 50u);
  EXPECT_EQ(requests->at(1).output_tokens, 60u);
}

TEST(PlanRequests, NamesTheTraceFileInAnError) {
  const auto path = testing::TempDir() + "troupe_bench_bad_trace.csv";
  std::ofstream(path) << "nothing\n";
  BenchOptions options;
  options.trace = path;
  const auto requests = plan_requests(options);
  std::remove(path.c_str());
  ASSERT_FALSE(requests.ok());
  EXPECT_THAT(requests.error().message, HasSubstr(path + ": line 1"));
}

TEST(RenderLoad, FitsALineWhateverTheNumbers) {
  LoadProgress progress;
  progress.total = 100;
  progress.finished = 50;
  progress.running = 8;
  progress.pieces = 500;
  progress.seconds = 10;
  EXPECT_EQ(render_load(progress), "[##########          ] 50/100, 8 running, 5.0 req/s, 50 pieces/s");
  progress.failed = 3;
  EXPECT_THAT(render_load(progress), HasSubstr("3 failed"));
  progress.total = progress.finished = progress.running = progress.failed = 10'000'000;
  progress.pieces = 1'000'000'000'000;
  EXPECT_LE(render_load(progress).size(), 79u);
  EXPECT_FALSE(render_load({}).empty());
}

}  // namespace
}  // namespace troupe
