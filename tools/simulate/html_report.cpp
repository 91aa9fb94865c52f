#include "tools/simulate/html_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>

#include "tools/simulate/svg_plot.hpp"

namespace troupe::simulate {
namespace {

using simulation::RequestStatus;
using simulation::Series;

constexpr const char* kStyle =
    "body{font:14px/1.45 sans-serif;max-width:1180px;margin:24px auto;padding:0 16px;color:#111}"
    "h1{font-size:20px}pre{background:#f5f5f5;padding:10px;overflow-x:auto;font-size:12px}"
    ".plots{display:grid;grid-template-columns:1fr 1fr;gap:16px}svg{width:100%;height:auto}"
    "@media(max-width:800px){.plots{grid-template-columns:1fr}}"
    "@media print{body{margin:0;max-width:none}.plots{gap:6mm}svg{break-inside:avoid}pre{white-space:pre-wrap}}";

std::string page(const std::string& title, const std::string& command, const std::string& text,
                 const std::vector<Plot>& plots) {
  auto out = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + escaped(title) +
             "</title><style>" + kStyle + "</style></head><body>\n<h1>" + escaped(title) + "</h1>\n<p><code>" +
             escaped(command) + "</code></p>\n<pre>" + escaped(text) + "</pre>\n<div class=\"plots\">\n";
  for (const auto& plot : plots) out += svg_plot(plot);
  return out + "</div>\n</body></html>\n";
}

/// At most some hundred points: a line of a page has no more.
PlotLine cdf(const std::string& name, std::vector<double> values) {
  constexpr std::size_t kPoints = 400;
  std::sort(values.begin(), values.end());
  PlotLine out{name, {}};
  const std::size_t stride = std::max<std::size_t>(1, values.size() / kPoints);
  for (std::size_t i = 0; i < values.size(); i += stride)
    out.points.emplace_back(values[i], static_cast<double>(i + 1) / static_cast<double>(values.size()));
  if (!values.empty()) out.points.emplace_back(values.back(), 1.0);
  return out;
}

Plot latency_plot(const Summary& summary, const simulation::SimulationOutcome& outcome) {
  std::vector<double> ttft, tbt, e2e, queue;
  for (const auto& request : outcome.requests) {
    if (request.status != RequestStatus::kFinished) continue;
    ttft.push_back(request.ttft_s);
    e2e.push_back(request.e2e_s);
    queue.push_back(request.queue_s);
    if (request.output_tokens > 1) tbt.push_back(time_between_tokens(request, summary.tbt_rule));
  }
  return {"Latencies of finished requests",
          "seconds",
          "share of requests",
          {cdf("queueing", std::move(queue)), cdf("TBT", std::move(tbt)), cdf("TTFT", std::move(ttft)),
           cdf("E2E", std::move(e2e))},
          true};
}

PlotLine line_of(const std::string& name, const Series& series, double scale = 1) {
  PlotLine out{name, {}};
  for (std::size_t i = 0; i < series.size(); ++i)
    out.points.emplace_back((static_cast<double>(i) + 0.5) * series.width(), series.mean_at(i) * scale);
  return out;
}

/// TTFT and the others as they were for requests in the order of arrival: means of a hundred stretches of time.
Plot over_time_plot(const simulation::SimulationOutcome& outcome) {
  constexpr double kStretches = 100;
  double end = 1e-9;
  for (const auto& request : outcome.requests) end = std::max(end, request.arrival_s);
  std::map<int, std::array<double, 3>> sums;  // requests, TTFT, queueing
  for (const auto& request : outcome.requests) {
    if (request.status != RequestStatus::kFinished) continue;
    auto& sum = sums[static_cast<int>(request.arrival_s / end * (kStretches - 1))];
    sum[0] += 1;
    sum[1] += request.ttft_s;
    sum[2] += request.queue_s;
  }
  PlotLine ttft{"TTFT", {}}, queue{"queueing", {}};
  for (const auto& [stretch, sum] : sums) {
    const double at = (stretch + 0.5) / kStretches * end;
    ttft.points.emplace_back(at, sum[1] / sum[0]);
    queue.points.emplace_back(at, sum[2] / sum[0]);
  }
  return {"Mean TTFT by time of arrival", "seconds of arrival", "seconds", {ttft, queue}};
}

Plot busy_plot(const Summary& summary, const simulation::SimulationOutcome& outcome) {
  Plot out{"Machines by how busy they were", "machine of its role, busiest first", "share of the time busy", {}};
  for (const auto& role : summary.roles) {
    std::vector<double> busy;
    for (const auto& machine : outcome.machines)
      if (machine.role == role.role && machine.hardware == role.hardware)
        busy.push_back(machine.busy_s / std::max(summary.seconds, 1e-9));
    std::sort(busy.begin(), busy.end(), std::greater<>());
    PlotLine line{role.role + " " + role.hardware, {}};
    for (std::size_t i = 0; i < busy.size(); ++i) line.points.emplace_back(static_cast<double>(i + 1), busy[i]);
    out.lines.push_back(std::move(line));
  }
  return out;
}

/// How many machines had each role, which the role policy changes: a step at each change.
Plot roles_plot(const simulation::SimulationOutcome& outcome) {
  std::map<std::string, std::int64_t> counts;
  std::vector<std::string> role_of;
  for (const auto& machine : outcome.machines) {
    ++counts[machine.role];
    role_of.push_back(machine.role);
  }
  for (const auto& change : outcome.role_changes) counts.try_emplace(change.role, 0);
  Plot out{"Machines by role", "seconds", "machines", {}};
  for (const auto& [role, count] : counts) out.lines.push_back({role, {}});
  const auto mark = [&](double at) {
    auto line = out.lines.begin();
    for (const auto& [role, count] : counts) (line++)->points.emplace_back(at, static_cast<double>(count));
  };
  mark(0);
  for (const auto& change : outcome.role_changes) {
    mark(change.at_s);
    auto& role = role_of.at(static_cast<std::size_t>(change.machine));
    --counts[role];
    ++counts[change.role];
    role = change.role;
    mark(change.at_s);
  }
  mark(outcome.end_s);
  return out;
}

/// What the legend says beside a cluster's name of where it stops holding its objectives.
std::string knee_text(const std::optional<double>& knee) {
  if (!knee) return " (no knee)";
  char text[48];
  std::snprintf(text, sizeof text, " (knee %g/s)", *knee);
  return text;
}

}  // namespace

std::string html_report(const Summary& summary, const simulation::SimulationOutcome& outcome,
                        const std::string& command) {
  const auto& series = outcome.series;
  double capacity = 0;
  for (const auto& machine : outcome.machines) capacity += machine.kv_capacity_bytes;
  std::vector<Plot> plots{latency_plot(summary, outcome), over_time_plot(outcome)};
  plots.push_back({"Batch occupancy, all machines",
                   "seconds",
                   "tasks",
                   {line_of("running", series.running), line_of("prompts running", series.prompts),
                    line_of("waiting", series.waiting)}});
  plots.push_back({"Machines by what they do",
                   "seconds",
                   "machines",
                   {line_of("busy", series.busy_machines), line_of("in the mixed pool", series.mixed_machines)}});
  if (!outcome.role_changes.empty()) plots.push_back(roles_plot(outcome));
  plots.push_back({"KV memory in use, all machines",
                   "seconds",
                   "% of what there is",
                   {line_of("KV", series.kv_bytes, capacity > 0 ? 100 / capacity : 0)}});
  plots.push_back(busy_plot(summary, outcome));
  return page(summary.policy + ": " + summary.model + " on " + summary.machines, command, summary_text(summary), plots);
}

std::string html_sweep(const std::vector<SweepPoint>& points, const std::string& command) {
  std::map<std::string, std::vector<const SweepPoint*>> by_machines;
  for (const auto& point : points) by_machines[point.machines].push_back(&point);
  const auto plot = [&](const std::string& title, const std::string& y_label, const auto& value, bool knees = false) {
    Plot out{title, "requests/s", y_label, {}};
    for (const auto& [machines, group] : by_machines) {
      PlotLine line{machines + (knees ? knee_text(knee(points, machines)) : ""), {}};
      for (const auto* const point : group) line.points.emplace_back(point->rate, value(*point));
      out.lines.push_back(std::move(line));
    }
    return out;
  };
  const std::vector<Plot> plots{
      plot(
          "SLOs that hold, of nine", "SLOs",
          [](const SweepPoint& p) { return static_cast<double>(p.figures.slos_held); }, true),
      plot("Requests within the P99 limits", "% of requests",
           [](const SweepPoint& p) { return p.figures.within * 100; }),
      plot("Goodput", "good requests/s", [](const SweepPoint& p) { return p.figures.good_per_s; }),
      plot("TTFT at P90", "seconds", [](const SweepPoint& p) { return p.figures.ttft_p90; }),
      plot("TBT at P90", "seconds", [](const SweepPoint& p) { return p.figures.tbt_p90; }),
      plot("E2E at P90", "seconds", [](const SweepPoint& p) { return p.figures.e2e_p90; })};
  return page("Sweep: SLO attainment against load", command, sweep_text(points), plots);
}

}  // namespace troupe::simulate
