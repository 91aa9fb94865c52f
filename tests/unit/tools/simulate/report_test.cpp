#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tools/simulate/engines.hpp"
#include "tools/simulate/html_report.hpp"
#include "tools/simulate/requests_csv.hpp"
#include "tools/simulate/summary.hpp"
#include "tools/simulate/svg_plot.hpp"

namespace troupe::simulate {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Played {
  SimulationPlan plan;
  simulation::SimulationOutcome outcome;
  Summary summary;
};

/// The trace of case V1b, whose answers the authors' simulator gave.
Played played() {
  Played out;
  out.plan.machines = parse_machines("prompt:h100-80gb,token:a100-80gb", perf::built_in_catalogue()).value();
  out.plan.model = perf::built_in_catalogue().find_model("bloom-176b").value();
  out.plan.policy = kSplitwiseSim;
  using std::chrono::seconds;
  out.plan.load = {{seconds(1), 4096, 32, 0}, {seconds(3), 2048, 8, 1}, {seconds(4), 2048, 16, 2}};
  out.outcome = run_splitwise_sim(out.plan, {}).value();
  out.summary = summarise(out.plan, out.outcome, {});
  return out;
}

TEST(RequestsCsv, HasARowARequestWithNineDecimals) {
  std::ostringstream out;
  write_requests_csv(out, played().outcome);
  EXPECT_THAT(out.str(), HasSubstr("\n0,1.000000000,4096,32,0.000000000,0.649598277,2.199226283,0.076562500,"
                                   "h100-80gb_0,a100-80gb_1,finished\n"));
}

TEST(RequestsCsv, LeavesOutWhatARequestDidNotReach) {
  simulation::SimulationOutcome outcome;
  outcome.requests.emplace_back();
  std::ostringstream out;
  write_requests_csv(out, outcome);
  EXPECT_THAT(out.str(), HasSubstr("\n0,0.000000000,0,0,,,,,,,unfinished\n"));
}

TEST(Summary, AddsUpLatenciesMachinesCostAndPower) {
  const auto summary = played().summary;
  EXPECT_EQ(summary.finished, 3u);
  EXPECT_NEAR(summary.ttft.p50, 0.251964009, 1e-8);
  EXPECT_NEAR(summary.ttft.largest, 0.649598277, 1e-8);
  EXPECT_NEAR(summary.transfer.p50, 0.03828125, 1e-8);
  EXPECT_NEAR(summary.tbt.p50, 0.046940930, 1e-8) << "per output token, as the authors count";
  ASSERT_TRUE(summary.slo.has_value());
  EXPECT_TRUE(summary.slo->all_hold());
  ASSERT_EQ(summary.roles.size(), 2u);
  EXPECT_EQ(summary.roles[0].role, "prompt");
  EXPECT_NEAR(summary.roles[0].busy, (0.649598277 + 2 * 0.251964009) / summary.seconds, 1e-6);
  EXPECT_EQ(summary.roles[1].prompt_busy, 0);
  EXPECT_DOUBLE_EQ(summary.price_per_hour, 55.6);
  EXPECT_NEAR(summary.dollars, 55.6 * summary.seconds / 3600, 1e-9);
  EXPECT_DOUBLE_EQ(summary.power_w, 17'200);
  EXPECT_NEAR(summary.finished_per_s, 3 / summary.seconds, 1e-9);
}

TEST(Summary, IsWrittenForPeopleAndForPrograms) {
  const auto summary = played().summary;
  const auto text = summary_text(summary);
  for (const char* line : {"TTFT", "TBT", "E2E", "queueing", "KV transfer", "9 of 9 hold, attained", "goodput",
                           "$55.60/h", "3 of 3 requests finished"})
    EXPECT_THAT(text, HasSubstr(line));
  const auto json = nlohmann::json::parse(summary_json(summary));
  EXPECT_EQ(json["slo"]["checks"].size(), 9u);
  EXPECT_EQ(json["finished"], 3);
  ASSERT_EQ(json["each_machine"].size(), 2u);
  EXPECT_EQ(json["each_machine"][1]["output_tokens"], 31 + 7 + 15);
  EXPECT_NEAR(json["ttft_s"]["p50"].get<double>(), 0.251964009, 1e-8);
}

TEST(Summary, TellsOfEachGapWhereTheEngineCountedThem) {
  auto run = played();
  EXPECT_TRUE(nlohmann::json::parse(summary_json(run.summary))["each_gap_s"].is_null());
  for (int i = 0; i < 100; ++i) run.outcome.gaps.add(i < 95 ? 0.02 : 0.5);
  const auto summary = summarise(run.plan, run.outcome, {});
  const auto json = nlohmann::json::parse(summary_json(summary));
  EXPECT_NEAR(json["each_gap_s"]["p90"].get<double>(), 0.02, 0.02 * 0.005);
  EXPECT_NEAR(json["each_gap_s"]["p99"].get<double>(), 0.5, 0.5 * 0.005);
  EXPECT_THAT(summary_text(summary), HasSubstr("each gap"));
}

TEST(Summary, HasNoObjectivesWhereTheReferenceWasNotMeasured) {
  auto run = played();
  const auto summary = summarise(run.plan, run.outcome, {"no-such-machine", {}});
  EXPECT_FALSE(summary.slo.has_value());
  EXPECT_TRUE(nlohmann::json::parse(summary_json(summary))["slo"].is_null());
}

TEST(HtmlReport, StandsByItselfAndRepeatsWhatItWasGivenHarmlessly) {
  const auto run = played();
  const auto html = html_report(run.summary, run.outcome, "troupe simulate --trace <script>&");
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;&amp;"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("http")));
  std::size_t plots = 0;
  for (std::size_t at = 0; (at = html.find("<svg", at)) != std::string::npos; ++at) ++plots;
  EXPECT_EQ(plots, 6u);
  EXPECT_THAT(html, Not(HasSubstr("nan")));
  EXPECT_THAT(html, Not(HasSubstr("no data")));
}

TEST(Report, TellsWhichMachinesChangedTheirRolesAndDrawsHowManyHadWhich) {
  auto run = played();
  run.outcome.role_changes = {{1.5, 1, "prompt", "the prompt pool is full."}, {2.5, 1, "token", "home again."}};
  run.summary = summarise(run.plan, run.outcome, {});
  EXPECT_THAT(summary_text(run.summary), HasSubstr("roles: 2 changes\n"));
  const auto changes = nlohmann::json::parse(summary_json(run.summary))["role_changes"];
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0]["at_s"], 1.5);
  EXPECT_EQ(changes[0]["machine"], 1);
  EXPECT_EQ(changes[0]["role"], "prompt");
  EXPECT_EQ(changes[1]["why"], "home again.");
  EXPECT_THAT(html_report(run.summary, run.outcome, "troupe simulate"), HasSubstr("Machines by role"));
  EXPECT_THAT(html_report(played().summary, played().outcome, "troupe simulate"), Not(HasSubstr("Machines by role")));
}

TEST(HtmlReport, OfASweepDrawsALineForEachCluster) {
  std::vector<SweepPoint> points;
  for (const char* machines : {"mixed:a*1", "mixed:b*1"})
    for (const double rate : {10.0, 20.0, 30.0}) points.push_back({machines, rate, {}});
  points[0].figures.attained = points[1].figures.attained = true;
  const auto html = html_sweep(points, "troupe simulate");
  EXPECT_THAT(html, HasSubstr(">mixed:a*1</text>"));
  EXPECT_THAT(html, HasSubstr(">mixed:b*1</text>"));
  EXPECT_THAT(html, HasSubstr(">mixed:a*1 (knee 20/s)</text>"));
  EXPECT_THAT(html, HasSubstr(">mixed:b*1 (no knee)</text>"));
}

TEST(SvgPlot, DrawsPointsWithinItsFrameAndLeavesOutWhatIsNoNumber) {
  const auto svg = svg_plot({"t", "x", "y", {{"line", {{0, 0}, {1, std::nan("")}, {2, 4}}}}});
  EXPECT_THAT(svg, HasSubstr("<path d=\"M62 254L546 38\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg_plot({"t", "x", "y", {}}), HasSubstr("no data"));
}

TEST(SvgPlot, GivesLongNamesRowsOfTheirOwn) {
  const std::string name(60, 'm');
  const auto svg = svg_plot({"t", "x", "y", {{name, {{0, 0}, {2, 4}}}, {name, {{0, 4}, {2, 0}}}}});
  EXPECT_THAT(svg, HasSubstr("<path d=\"M62 26h22\""));
  EXPECT_THAT(svg, HasSubstr("<path d=\"M62 40h22\""));
  EXPECT_THAT(svg, HasSubstr("<path d=\"M62 254L546 52\"")) << "the frame is lower";
}

TEST(SvgPlot, ReachesUpToTheRoundNumberAboveItsHighestLine) {
  const auto svg = svg_plot({"t", "x", "y", {{"line", {{0, 0}, {2, 9}}}}});
  EXPECT_THAT(svg, HasSubstr("<path d=\"M62 254L546 59.6\"")) << "nine tenths of the frame: its top is 10";
  EXPECT_THAT(svg, HasSubstr("\"end\" >10</text>"));
}

TEST(SvgPlot, MarksTheFewPointsOfALineAndNotTheManyOfACurve) {
  PlotLine curve{"curve", {}};
  for (int i = 0; i < 100; ++i) curve.points.emplace_back(i, i);
  EXPECT_THAT(svg_plot({"t", "x", "y", {{"line", {{0, 0}, {2, 4}}}}}), HasSubstr("<path d=\"M62 254m-3 0a3 3"));
  EXPECT_THAT(svg_plot({"t", "x", "y", {curve}}), Not(HasSubstr("m-3 0a3 3")));
}

TEST(SvgPlot, PutsTicksAtRoundNumbers) {
  EXPECT_THAT(round_ticks(0, 10, 5), testing::ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(round_ticks(0.1, 0.52, 4),
              testing::ElementsAre(testing::DoubleNear(0.2, 1e-9), testing::DoubleNear(0.4, 1e-9)));
}

}  // namespace
}  // namespace troupe::simulate
