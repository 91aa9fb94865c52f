// A strict reader of Prometheus' text format 0.0.4: whatever it does not expect is a failure with the line.
#pragma once

#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace troupe::metrics::test {

struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct Exposition {
  std::map<std::string, std::string> types;  ///< family -> counter, gauge or histogram
  std::vector<Sample> samples;
  std::vector<std::string> problems;

  /// The one sample with this name and at least these labels; NaN where there is none or more than one.
  double value(const std::string& name, const std::map<std::string, std::string>& labels = {}) const {
    std::optional<double> found;
    for (const auto& sample : samples) {
      bool fits = sample.name == name;
      for (const auto& [key, wanted] : labels)
        fits = fits && sample.labels.count(key) && sample.labels.at(key) == wanted;
      if (fits && found) return std::nan("");
      if (fits) found = sample.value;
    }
    return found.value_or(std::nan(""));
  }
};

inline bool is_metric_name(const std::string& name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
}

/// Reads `name{a="b",...} value`; false where the line is anything else.
inline bool parse_sample(const std::string& line, Sample& out) {
  std::size_t at = line.find_first_of("{ ");
  if (at == std::string::npos) return false;
  out.name = line.substr(0, at);
  if (!is_metric_name(out.name)) return false;
  if (line[at] == '{') {
    ++at;
    while (at < line.size() && line[at] != '}') {
      const auto equals = line.find('=', at);
      if (equals == std::string::npos || line.compare(equals + 1, 1, "\"") != 0) return false;
      const auto key = line.substr(at, equals - at);
      if (!is_metric_name(key)) return false;
      std::string value;
      for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] != '\\') {
          value += line[at];
        } else if (++at < line.size() && (line[at] == '\\' || line[at] == '"' || line[at] == 'n')) {
          value += line[at] == 'n' ? '\n' : line[at];
        } else {
          return false;
        }
      }
      if (at >= line.size() || !out.labels.emplace(key, value).second) return false;
      if (++at < line.size() && line[at] == ',') ++at;
    }
    if (at >= line.size()) return false;
    ++at;
  }
  if (at >= line.size() || line[at] != ' ') return false;
  const char* start = line.c_str() + at + 1;
  char* end = nullptr;
  out.value = std::strtod(start, &end);
  return end != start && *end == '\0';
}

/// The family that a sample belongs to, or an empty string where its name fits none.
inline std::string family_of(const Exposition& all, const std::string& name) {
  if (all.types.count(name)) return all.types.at(name) == "histogram" ? "" : name;
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    if (name.size() <= suffix.size() || name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0) continue;
    const auto stem = name.substr(0, name.size() - suffix.size());
    if (all.types.count(stem) && all.types.at(stem) == "histogram") return stem;
  }
  return "";
}

/// Buckets in order, cumulative, the last one +Inf and equal to _count.
inline void check_histograms(Exposition& all) {
  std::map<std::string, std::vector<std::pair<double, double>>> buckets;
  std::map<std::string, double> counts;
  for (const auto& sample : all.samples) {
    const auto family = family_of(all, sample.name);
    if (family.empty() || all.types[family] != "histogram") continue;
    auto key = family;
    for (const auto& [label, value] : sample.labels)
      if (label != "le") key += "|" + label + "=" + value;
    if (sample.name == family + "_count") counts[key] = sample.value;
    if (sample.name != family + "_bucket") continue;
    if (!sample.labels.count("le"))
      all.problems.push_back("bucket without le: " + key);
    else
      buckets[key].emplace_back(std::strtod(sample.labels.at("le").c_str(), nullptr), sample.value);
  }
  for (const auto& [key, list] : buckets) {
    for (std::size_t i = 1; i < list.size(); ++i)
      if (list[i].first <= list[i - 1].first || list[i].second < list[i - 1].second)
        all.problems.push_back("buckets not in order: " + key);
    if (!std::isinf(list.back().first) || !counts.count(key) || counts[key] != list.back().second)
      all.problems.push_back("no whole bucket: " + key);
  }
}

inline Exposition parse_exposition(const std::string& text) {
  Exposition all;
  if (text.empty() || text.back() != '\n') all.problems.push_back("the text does not end in a line end");
  std::set<std::string> helped, closed, seen;
  std::string current;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, what, name, rest;
    if (line.rfind("# ", 0) == 0) {
      words >> hash >> what >> name >> rest;
      if (!is_metric_name(name)) all.problems.push_back(line);
      if (what == "HELP") {
        if (!helped.insert(name).second || rest.empty()) all.problems.push_back("HELP twice or empty: " + line);
      } else if (what == "TYPE" && (rest == "counter" || rest == "gauge" || rest == "histogram")) {
        if (!all.types.emplace(name, rest).second) all.problems.push_back("TYPE twice: " + line);
        if (rest == "counter" && (name.size() < 6 || name.compare(name.size() - 6, 6, "_total") != 0))
          all.problems.push_back("counter without _total: " + line);
      } else {
        all.problems.push_back(line);
      }
      continue;
    }
    Sample sample;
    if (!parse_sample(line, sample)) {
      all.problems.push_back("not a sample: " + line);
      continue;
    }
    const auto family = family_of(all, sample.name);
    if (family.empty() || !helped.count(family)) all.problems.push_back("a sample of no family: " + line);
    if (family != current && !closed.insert(family).second) all.problems.push_back("a family in two places: " + line);
    current = family;
    if (!seen.insert(line.substr(0, line.rfind(' '))).second) all.problems.push_back("the same sample twice: " + line);
    all.samples.push_back(std::move(sample));
  }
  check_histograms(all);
  return all;
}

}  // namespace troupe::metrics::test
