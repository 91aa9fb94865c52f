#include "tools/troupe/bench_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using testing::HasSubstr;
using testing::Not;

BenchSummary summary() {
  BenchSummary out;
  out.completed = 250;
  out.duration = 835.0666;
  out.input_tokens = 69764;
  out.output_tokens = 44889;
  out.request_throughput = 0.2994;
  out.output_throughput = 53.75;
  out.peak_output_throughput = 149;
  out.peak_concurrency = 8;
  out.total_throughput = 137.3;
  out.percents = {99};
  out.ttft = {122.88, 118.16, 1, {206.12}};
  out.tpot = {28.38, 29.08, 1, {39.08}};
  out.itl = {32.13, 24.78, 1, {90}};
  out.e2el = {5000, 4000, 1, {9000}};
  return out;
}

BenchSetting setting() {
  BenchSetting out;
  out.model = "m";
  out.endpoint_type = "openai";
  out.num_prompts = 250;
  out.request_rate = 0.3;
  return out;
}

TEST(ReportText, IsTheBlockThatVllmPrints) {
  EXPECT_EQ(report_text(setting(), summary()),
            "============ Serving Benchmark Result ============\n"
            "Successful requests:                     250       \n"
            "Failed requests:                         0         \n"
            "Request rate configured (RPS):           0.30      \n"
            "Benchmark duration (s):                  835.07    \n"
            "Total input tokens:                      69764     \n"
            "Total generated tokens:                  44889     \n"
            "Request throughput (req/s):              0.30      \n"
            "Output token throughput (tok/s):         53.75     \n"
            "Peak output token throughput (tok/s):    149.00    \n"
            "Peak concurrent requests:                8.00      \n"
            "Total token throughput (tok/s):          137.30    \n"
            "---------------Time to First Token----------------\n"
            "Mean TTFT (ms):                          122.88    \n"
            "Median TTFT (ms):                        118.16    \n"
            "P99 TTFT (ms):                           206.12    \n"
            "-----Time per Output Token (excl. 1st token)------\n"
            "Mean TPOT (ms):                          28.38     \n"
            "Median TPOT (ms):                        29.08     \n"
            "P99 TPOT (ms):                           39.08     \n"
            "---------------Inter-token Latency----------------\n"
            "Mean ITL (ms):                           32.13     \n"
            "Median ITL (ms):                         24.78     \n"
            "P99 ITL (ms):                            90.00     \n"
            "----------------End-to-end Latency----------------\n"
            "Mean E2EL (ms):                          5000.00   \n"
            "Median E2EL (ms):                        4000.00   \n"
            "P99 E2EL (ms):                           9000.00   \n"
            "==================================================\n");
}

TEST(ReportText, NamesConcurrencyAndGoodputOnlyWhereAskedFor) {
  auto set = setting();
  auto figures = summary();
  EXPECT_THAT(report_text(set, figures), Not(HasSubstr("concurrency:")));
  EXPECT_THAT(report_text(set, figures), Not(HasSubstr("goodput")));
  set.max_concurrency = 8;
  set.request_rate.reset();
  figures.request_goodput = 0.25;
  const auto text = report_text(set, figures);
  EXPECT_THAT(text, HasSubstr("Maximum request concurrency:             8         \n"));
  EXPECT_THAT(text, HasSubstr("Request goodput (req/s):                 0.25      \n"));
  EXPECT_THAT(text, Not(HasSubstr("configured")));
}

TEST(ReportText, NamesPercentilesAsAskedFor) {
  auto figures = summary();
  figures.percents = {50, 99.9};
  for (auto* metric : {&figures.ttft, &figures.tpot, &figures.itl, &figures.e2el}) metric->percentiles = {1, 2};
  const auto text = report_text(setting(), figures);
  EXPECT_THAT(text, HasSubstr("P50 TTFT (ms):                           1.00      \n"));
  EXPECT_THAT(text, HasSubstr("P99.9 ITL (ms):                          2.00      \n"));
}

TEST(ReportJson, HasVllmsKeys) {
  const auto out = nlohmann::json::parse(report_json(setting(), summary(), {}, false));
  for (const char* key : {"date",
                          "model_id",
                          "num_prompts",
                          "request_rate",
                          "max_concurrency",
                          "duration",
                          "completed",
                          "failed",
                          "total_input_tokens",
                          "total_output_tokens",
                          "request_throughput",
                          "request_goodput",
                          "output_throughput",
                          "total_token_throughput",
                          "mean_ttft_ms",
                          "median_ttft_ms",
                          "std_ttft_ms",
                          "p99_ttft_ms",
                          "mean_tpot_ms",
                          "p99_itl_ms",
                          "p99_e2el_ms"})
    EXPECT_TRUE(out.contains(key)) << key;
  EXPECT_EQ(out["completed"], 250);
  EXPECT_DOUBLE_EQ(out["request_rate"].get<double>(), 0.3);
  EXPECT_TRUE(out["request_goodput"].is_null());
  EXPECT_FALSE(out.contains("ttfts"));
  auto unlimited = setting();
  unlimited.request_rate.reset();
  EXPECT_EQ(nlohmann::json::parse(report_json(unlimited, summary(), {}, false))["request_rate"], "inf");
}

TEST(ReportJson, ListsEachRequestWhereAskedTo) {
  BenchSample sample;
  sample.ttft = 0.5;
  sample.gaps = {0.1, 0.2};
  sample.error = "not UTF-8: \xff";
  const auto out = nlohmann::json::parse(report_json(setting(), summary(), std::vector<BenchSample>{sample}, true));
  EXPECT_EQ(out["ttfts"], nlohmann::json::parse("[0.5]"));
  EXPECT_EQ(out["itls"], nlohmann::json::parse("[[0.1, 0.2]]"));
  EXPECT_EQ(out["errors"][0], "not UTF-8: \uFFFD");
}

TEST(NoteOnPieces, TellsWhereTokensCameTogether) {
  BenchSample sample;
  sample.ok = true;
  sample.gaps = {0.1, 0.1};
  sample.output_tokens = 4;  // the last one ended the text
  EXPECT_EQ(note_on_pieces(std::vector<BenchSample>{sample, sample}), "");
  sample.output_tokens = 5;
  EXPECT_THAT(note_on_pieces(std::vector<BenchSample>{sample, sample}), HasSubstr("10 tokens came in 6 pieces"));
  sample.ok = false;
  EXPECT_EQ(note_on_pieces(std::vector<BenchSample>{sample}), "");
}

}  // namespace
}  // namespace troupe
