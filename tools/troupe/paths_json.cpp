#include "tools/troupe/paths_json.hpp"

#include <cstdio>

#include "tools/troupe/text_table.hpp"

namespace troupe {
namespace {

using Json = nlohmann::ordered_json;

/// A node beats four times a second where nothing else is configured.
constexpr double kLongUnheardMs = 1000;
/// Times of two nodes that are compared, as `troupe request` does, may be wrong by so much.
constexpr double kLargeClockErrorUs = 5000;

Json known(std::int64_t ns, double unit) { return ns < 0 ? Json(nullptr) : Json(static_cast<double>(ns) / unit); }
Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

double number(const nlohmann::json& object, const char* key, double otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

std::string written(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string bandwidth(double bytes_per_second) {
  const bool fast = bytes_per_second >= 1e8;
  return fast ? written(", %.2f GB/s", bytes_per_second / 1e9) : written(", %.2f MB/s", bytes_per_second / 1e6);
}

Finding judge_path(const std::string& node, const nlohmann::json& path) {
  const std::string peer = table_cell(path, "peer");
  Finding finding{Verdict::kOk, node + " -> " + peer, "", ""};
  const std::string problem = one_line(path, "problem");
  const double heard = number(path, "heard_ms", -1);
  if (heard < 0) {
    finding.verdict = Verdict::kBad;
    finding.found = problem.empty() ? "it is away" : problem;
    finding.advice = "See the log of " + peer + " (is it started? node_refused?) and its control port.";
    return finding;
  }
  finding.found = one_line(path, "transport");
  const std::string why = one_line(path, "why");
  if (!why.empty()) finding.found += " (" + why + ")";
  if (!problem.empty()) {
    finding.verdict = Verdict::kBad;
    finding.found += (finding.found.empty() ? "" : ": ") + problem;
    finding.advice = "KV does not get through, so requests are not split between the two: see both nodes' logs.";
  }
  if (const double round_trip = number(path, "round_trip_us", -1); round_trip >= 0)
    finding.found += written(": round trip %.1f us", round_trip) + bandwidth(number(path, "bytes_per_second", 0));
  if (const double error = number(path, "clock_error_us", -1); error >= 0) {
    finding.found +=
        written("; clock %+.3f ms", number(path, "clock_ahead_us", 0) / 1e3) + written(" +- %.3f ms", error / 1e3);
    if (error > kLargeClockErrorUs && finding.verdict == Verdict::kOk) {
      finding.verdict = Verdict::kWarn;
      finding.advice =
          "Beats take that long there and back: a node is busy. Times in `troupe request` are as uncertain.";
    }
  }
  finding.found += written("; heard %.0f ms ago", heard);
  if (heard > kLongUnheardMs && finding.verdict == Verdict::kOk) {
    finding.verdict = Verdict::kWarn;
    finding.advice = "It beats late: its machine's cores are overbooked, or it stalls.";
  }
  return finding;
}

}  // namespace

std::string paths_json(const std::vector<NodePaths>& nodes) {
  Json list = Json::array();
  for (const auto& node : nodes) {
    Json paths = Json::array();
    for (const auto& path : node.paths)
      paths.push_back({{"peer", path.peer},
                       {"transport", text_or_null(path.transport)},
                       {"why", text_or_null(path.why)},
                       {"problem", text_or_null(path.problem)},
                       {"round_trip_us", known(path.round_trip_ns, 1e3)},
                       {"bytes_per_second", path.round_trip_ns < 0 ? Json(nullptr) : Json(path.bytes_per_second)},
                       {"bytes", path.bytes},
                       {"heard_ms", known(path.heard_ns, 1e6)},
                       {"clock_ahead_us",
                        path.clock_error_ns < 0 ? Json(nullptr) : Json(static_cast<double>(path.clock_ahead_ns) / 1e3)},
                       {"clock_error_us", known(path.clock_error_ns, 1e3)}});
    list.push_back({{"node", node.node}, {"problem", text_or_null(node.problem)}, {"paths", std::move(paths)}});
  }
  return Json{{"nodes", std::move(list)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<Finding>> judge_paths(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !is_list_of_objects(json, "nodes"))
    return Error{ErrorCode::kInvalidInput, "What came back is not a Troupe cluster's examination. Is the URL right?"};
  std::vector<Finding> findings;
  for (const auto& node : json["nodes"]) {
    const std::string name = table_cell(node, "node");
    if (const auto problem = one_line(node, "problem"); !problem.empty())
      findings.push_back({Verdict::kBad, "node " + name, problem,
                          "`troupe up` starts a node again that died; else start it, and see its log."});
    if (!is_list_of_objects(node, "paths")) continue;
    for (const auto& path : node["paths"]) findings.push_back(judge_path(name, path));
  }
  return findings;
}

}  // namespace troupe
