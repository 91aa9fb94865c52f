#include "tools/simulate/sweep.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/number.hpp"

namespace troupe::simulate {
namespace {

Error wrong(const std::string& what) {
  return {ErrorCode::kInvalidInput, "sweep: " + what + " Expected rate=50:250:10 or prompt_machines=20:35:5."};
}

Result<std::vector<double>> values_of(std::string_view text) {
  std::vector<double> parts;
  for (std::size_t at = 0;;) {
    const auto colon = std::min(text.find(':', at), text.size());
    const auto part = text.substr(at, colon - at);
    const auto value = parse_number<double>(part);
    if (!value) return wrong("\"" + std::string(part.substr(0, 40)) + "\" is not a number.");
    parts.push_back(*value);
    if (colon == text.size()) break;
    at = colon + 1;
  }
  if (parts.size() == 1) return parts;
  if (parts.size() != 3) return wrong("a range has a begin, an end and a step.");
  const double begin = parts[0], end = parts[1], step = parts[2];
  if (!(step > 0) || end < begin) return wrong("the step must be above 0, and the end not below the begin.");
  if ((end - begin) / step >= static_cast<double>(kMostRuns)) return wrong("that is over 10,000 runs.");
  std::vector<double> out;
  // Counted, not summed up: the end is in it whatever the step rounds to.
  for (std::size_t i = 0; begin + static_cast<double>(i) * step <= end + step * 1e-9; ++i)
    out.push_back(begin + static_cast<double>(i) * step);
  return out;
}

using Json = nlohmann::ordered_json;

}  // namespace

Result<SweepAxis> parse_sweep(std::string_view text) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  SweepAxis out;
  if (name == "prompt_machines") {
    out.kind = SweepAxis::Kind::kPromptMachines;
  } else if (name != "rate") {
    const std::vector<std::string> known{"rate", "prompt_machines"};
    return wrong("there is nothing called \"" + std::string(name.substr(0, 40)) + "\"" + did_you_mean(name, known) +
                 " to vary.");
  }
  if (equals == std::string_view::npos) return wrong("it lacks its values.");
  TRY(values, values_of(text.substr(equals + 1)));
  for (const double value : values) {
    if (!(value > 0)) return wrong("values must be above 0.");
    if (out.kind == SweepAxis::Kind::kPromptMachines && (value != std::floor(value) || value > kMostMachines))
      return wrong("machines are counted in whole numbers up to 100,000.");
  }
  out.values = std::move(values);
  return out;
}

Result<std::vector<MachineGroup>> with_prompt_machines(std::vector<MachineGroup> machines, std::int32_t prompt) {
  if (machines.size() != 2 || machines[0].role != policies::Role::kPrompt || machines[1].role != policies::Role::kToken)
    return Error{ErrorCode::kInvalidInput,
                 "sweep: prompt_machines needs machines given as prompt:HARDWARE*N,token:HARDWARE*M, whose total it "
                 "keeps; these are " +
                     to_string(machines) + "."};
  const std::int32_t total = machines[0].count + machines[1].count;
  if (prompt < 1 || prompt >= total)
    return Error{ErrorCode::kInvalidInput, "sweep: of " + std::to_string(total) + " machines " +
                                               std::to_string(prompt) +
                                               " cannot be prompt machines: each kind needs one at least."};
  machines[0].count = prompt;
  machines[1].count = total - prompt;
  return machines;
}

SweepFigures sweep_figures(const Summary& summary) {
  SweepFigures out;
  if (summary.slo) {
    out.attained = summary.slo->all_hold();
    out.slos_held = summary.slo->holding();
    out.within = summary.slo->within;
  }
  out.offered_per_s = summary.offered_per_s;
  out.good_per_s = summary.good_per_s;
  out.finished_per_s = summary.finished_per_s;
  out.ttft_p90 = summary.ttft.p90;
  out.tbt_p90 = summary.tbt.p90;
  out.e2e_p90 = summary.e2e.p90;
  out.requests = summary.requests;
  out.finished = summary.finished;
  return out;
}

std::optional<double> knee(const std::vector<SweepPoint>& points, const std::string& machines) {
  std::map<double, bool> attained;
  for (const auto& point : points)
    if (point.machines == machines) attained[point.rate] = point.figures.attained;
  std::optional<double> out;
  for (const auto& [rate, good] : attained) {
    if (!good) break;
    out = rate;
  }
  return out;
}

std::string sweep_text(const std::vector<SweepPoint>& points) {
  std::string out = "requests/s   SLOs  in limits   goodput   TTFT P90    TBT P90    E2E P90  machines\n";
  std::vector<std::string> machines;
  for (const auto& point : points) {
    char line[160];
    std::snprintf(line, sizeof line, "%10g  %zu of 9  %7.2f %%  %8.2f  %7.3f s  %7.4f s  %7.3f s  ", point.rate,
                  point.figures.slos_held, point.figures.within * 100, point.figures.good_per_s, point.figures.ttft_p90,
                  point.figures.tbt_p90, point.figures.e2e_p90);
    out += line + point.machines + "\n";
    if (std::find(machines.begin(), machines.end(), point.machines) == machines.end())
      machines.push_back(point.machines);
  }
  out += "\n";
  for (const auto& each : machines) {
    const auto at = knee(points, each);
    char line[120];
    if (at)
      std::snprintf(line, sizeof line, "knee: up to %g requests/s all SLOs hold", *at);
    else
      std::snprintf(line, sizeof line, "knee: below the lowest rate of the sweep");
    out += std::string(line) + " (" + each + ")\n";
  }
  return out;
}

std::string sweep_json(const std::vector<SweepPoint>& points) {
  Json out;
  out["points"] = Json::array();
  out["knees"] = Json::object();
  for (const auto& point : points) {
    const auto& figures = point.figures;
    out["points"].push_back({{"machines", point.machines},
                             {"rate", point.rate},
                             {"attained", figures.attained},
                             {"slos_held", figures.slos_held},
                             {"requests_within_p99_limits", figures.within},
                             {"good_requests_per_s", figures.good_per_s},
                             {"requests_per_s", figures.finished_per_s},
                             {"ttft_p90_s", figures.ttft_p90},
                             {"tbt_p90_s", figures.tbt_p90},
                             {"e2e_p90_s", figures.e2e_p90},
                             {"requests", figures.requests},
                             {"finished", figures.finished}});
    const auto at = knee(points, point.machines);
    out["knees"][point.machines] = at ? Json(*at) : Json(nullptr);
  }
  return out.dump(2) + "\n";
}

}  // namespace troupe::simulate
