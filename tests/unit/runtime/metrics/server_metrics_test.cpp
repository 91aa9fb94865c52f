#include "runtime/metrics/server_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "runtime/metrics/process.hpp"
#include "tests/unit/runtime/metrics/exposition_parser.hpp"

namespace troupe::metrics {
namespace {

using std::chrono::milliseconds;
using test::parse_exposition;
using testing::IsEmpty;

TEST(ServerMetrics, AreStrictTextFromTheStart) {
  ServerMetrics metrics("m", {"/v1/completions"});
  const auto all = parse_exposition(metrics.exposition());
  EXPECT_THAT(all.problems, IsEmpty());
  for (const auto& [name, type] :
       std::map<std::string, std::string>{{"troupe_num_requests_running", "gauge"},
                                          {"troupe_num_requests_waiting", "gauge"},
                                          {"troupe_kv_cache_usage_perc", "gauge"},
                                          {"troupe_kv_blocks", "gauge"},
                                          {"troupe_time_to_first_token_seconds", "histogram"},
                                          {"troupe_inter_token_latency_seconds", "histogram"},
                                          {"troupe_request_time_per_output_token_seconds", "histogram"},
                                          {"troupe_e2e_request_latency_seconds", "histogram"},
                                          {"troupe_request_queue_time_seconds", "histogram"},
                                          {"troupe_request_prompt_tokens", "histogram"},
                                          {"troupe_request_generation_tokens", "histogram"},
                                          {"troupe_prompt_tokens_total", "counter"},
                                          {"troupe_generation_tokens_total", "counter"},
                                          {"troupe_request_success_total", "counter"},
                                          {"troupe_num_preemptions_total", "counter"},
                                          {"process_cpu_seconds_total", "counter"},
                                          {"process_resident_memory_bytes", "gauge"},
                                          {"process_open_fds", "gauge"},
                                          {"process_start_time_seconds", "gauge"}}) {
    ASSERT_TRUE(all.types.count(name)) << name;
    EXPECT_EQ(all.types.at(name), type) << name;
  }
  for (const auto& sample : all.samples)
    if (sample.name.rfind("troupe_", 0) == 0) {
      EXPECT_EQ(sample.labels.count("model_name"), 1u) << sample.name;
    }
  for (const char* reason : {"stop", "length", "abort", "error"})
    EXPECT_EQ(all.value("troupe_request_success_total", {{"finished_reason", reason}}), 0) << reason;
}

TEST(ServerMetrics, PutTheEndOfARequestIntoItsHistograms) {
  ServerMetrics metrics("m", {});
  metrics.request_ended({FinishedReason::kLength, 7, 5, milliseconds(1400), milliseconds(600)});
  const auto all = parse_exposition(metrics.exposition());
  EXPECT_THAT(all.problems, IsEmpty());
  EXPECT_EQ(all.value("troupe_request_success_total", {{"finished_reason", "length"}}), 1);
  EXPECT_EQ(all.value("troupe_request_success_total", {{"finished_reason", "stop"}}), 0);
  EXPECT_DOUBLE_EQ(all.value("troupe_e2e_request_latency_seconds_sum"), 1.4);
  EXPECT_EQ(all.value("troupe_e2e_request_latency_seconds_bucket", {{"le", "1"}}), 0);
  EXPECT_EQ(all.value("troupe_e2e_request_latency_seconds_bucket", {{"le", "1.5"}}), 1);
  EXPECT_EQ(all.value("troupe_request_prompt_tokens_sum"), 7);
  EXPECT_EQ(all.value("troupe_request_generation_tokens_sum"), 5);
  EXPECT_DOUBLE_EQ(all.value("troupe_request_time_per_output_token_seconds_sum"), 0.2) << "four gaps in 800 ms";
}

TEST(ServerMetrics, GiveNoTimePerTokenWhereThereIsNoGap) {
  ServerMetrics metrics("m", {});
  metrics.request_ended({FinishedReason::kStop, 7, 1, milliseconds(10), milliseconds(10)});
  metrics.request_ended({FinishedReason::kAbort, 7, 0, milliseconds(10), std::nullopt});
  const auto all = parse_exposition(metrics.exposition());
  EXPECT_EQ(all.value("troupe_request_time_per_output_token_seconds_count"), 0);
  EXPECT_EQ(all.value("troupe_e2e_request_latency_seconds_count"), 2);
}

TEST(ServerMetrics, CountBlocksByStateAndTheirUse) {
  ServerMetrics metrics("m", {});
  metrics.set_kv_blocks({.free = 5, .reserved = 1, .advertised = 0, .in_flight = 0, .committed = 4, .quarantined = 0});
  auto all = parse_exposition(metrics.exposition());
  EXPECT_DOUBLE_EQ(all.value("troupe_kv_cache_usage_perc"), 0.5);
  EXPECT_EQ(all.value("troupe_kv_blocks", {{"state", "free"}, {"model_name", "m"}}), 5);
  EXPECT_EQ(all.value("troupe_kv_blocks", {{"state", "committed"}}), 4);
  metrics.set_kv_blocks({});
  EXPECT_EQ(parse_exposition(metrics.exposition()).value("troupe_kv_cache_usage_perc"), 0);
}

TEST(ServerMetrics, MeasureTimesInSeconds) {
  ServerMetrics metrics("m", {});
  metrics.first_token(milliseconds(30));
  metrics.token_gap(milliseconds(20));
  metrics.token_gap(milliseconds(60), 3);
  metrics.request_left_queue(milliseconds(400));
  const auto all = parse_exposition(metrics.exposition());
  EXPECT_DOUBLE_EQ(all.value("troupe_time_to_first_token_seconds_sum"), 0.03);
  EXPECT_DOUBLE_EQ(all.value("troupe_inter_token_latency_seconds_sum"), 0.08);
  EXPECT_EQ(all.value("troupe_inter_token_latency_seconds_bucket", {{"le", "0.025"}}), 4);
  EXPECT_DOUBLE_EQ(all.value("troupe_request_queue_time_seconds_sum"), 0.4);
}

TEST(ServerMetrics, DoNotLetCallersMakeLabelValues) {
  ServerMetrics metrics("m", {"/livez"});
  metrics.http_request(200, "/livez");
  for (int i = 0; i < 1000; ++i) metrics.http_request(404, "/made-up/" + std::to_string(i));
  const auto all = parse_exposition(metrics.exposition());
  EXPECT_THAT(all.problems, IsEmpty());
  EXPECT_EQ(all.value("troupe_http_requests_total", {{"handler", "/livez"}, {"status", "200"}}), 1);
  EXPECT_EQ(all.value("troupe_http_requests_total", {{"handler", "other"}, {"status", "404"}}), 1000);
}

TEST(ServerMetrics, EscapeAnyModelName) {
  const std::string name = "a\"b\\c\nd}";
  ServerMetrics metrics(name, {});
  const auto all = parse_exposition(metrics.exposition());
  EXPECT_THAT(all.problems, IsEmpty());
  EXPECT_EQ(all.value("troupe_num_requests_running", {{"model_name", name}}), 0);
  ServerMetrics ill_formed("\xff", {});
  EXPECT_EQ(parse_exposition(ill_formed.exposition()).value("troupe_num_requests_running", {{"model_name", "\uFFFD"}}),
            0);
}

TEST(ServerMetrics, LoseNothingBetweenThreads) {
  ServerMetrics metrics("m", {"/x"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        metrics.tokens_generated(2);
        metrics.prompt_computed(3);
        metrics.request_preempted();
        metrics.token_gap(milliseconds(1));
        metrics.http_request(200, "/x");
        if (i % 100 == 0) {
          EXPECT_FALSE(metrics.exposition().empty());
        }
      }
    });
  for (auto& thread : threads) thread.join();
  const auto all = parse_exposition(metrics.exposition());
  EXPECT_EQ(all.value("troupe_generation_tokens_total"), 8000);
  EXPECT_EQ(all.value("troupe_prompt_tokens_total"), 12000);
  EXPECT_EQ(all.value("troupe_num_preemptions_total"), 4000);
  EXPECT_EQ(all.value("troupe_inter_token_latency_seconds_count"), 4000);
  EXPECT_EQ(all.value("troupe_http_requests_total"), 4000);
}

TEST(ServerMetrics, KnowTheProcess) {
  ServerMetrics metrics("m", {});
  const auto all = parse_exposition(metrics.exposition());
  EXPECT_GT(all.value("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(all.value("process_open_fds"), 3);
  EXPECT_GE(all.value("process_max_fds"), all.value("process_open_fds"));
  EXPECT_GT(all.value("process_start_time_seconds"), 1.6e9);
  EXPECT_GE(all.value("process_cpu_seconds_total"), 0);
}

TEST(ProcessStat, IsReadBehindANameThatHoldsBrackets) {
  const auto figures = parse_process_stat(
      "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 8 18 1000 4096000 25 rest\n", 1e9, 100, 4096);
  EXPECT_DOUBLE_EQ(figures.cpu_seconds, 2.0);
  EXPECT_DOUBLE_EQ(figures.threads, 8);
  EXPECT_DOUBLE_EQ(figures.start_time_seconds, 1e9 + 10);
  EXPECT_DOUBLE_EQ(figures.virtual_bytes, 4096000);
  EXPECT_DOUBLE_EQ(figures.resident_bytes, 25 * 4096);
}

TEST(ProcessStat, ThatIsCutShortIsAllZero) {
  for (const char* bad :
       {"", "42 (a", "42 (a)", "42 (a) S 1 2", "42 (a) S 1 2 3 4 5 6 7 8 9 10 x 50 13 14 15 16 8 18 1000 4096000 25"})
    EXPECT_EQ(parse_process_stat(bad, 1e9, 100, 4096).start_time_seconds, 0) << bad;
}

}  // namespace
}  // namespace troupe::metrics
