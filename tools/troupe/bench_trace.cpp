#include "tools/troupe/bench_trace.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

namespace troupe {
namespace {

constexpr std::uint64_t kMaxTokens = 10'000'000;

struct Row {
  long double at = 0;  // absolute
  TraceRequest request;
};

std::string_view next_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> cells(std::string_view line) {
  std::vector<std::string_view> out;
  while (out.size() < 64) {
    const auto comma = std::min(line.find(','), line.size());
    out.push_back(trim(line.substr(0, comma)));
    if (comma == line.size()) break;
    line.remove_prefix(comma + 1);
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<std::uint32_t> token_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value > kMaxTokens) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

std::optional<int> digits(std::string_view text, std::size_t from, std::size_t count) {
  if (from + count > text.size()) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(from, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// Whole seconds and their fraction apart: a double of seconds since 1970 resolves only 0.2 microseconds.
std::optional<long double> precise_time(std::string_view text) {
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' ||
      (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':' || *hour > 23 || *minute > 59 ||
      *second > 60)
    return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  long double fraction = 0, unit = 0.1L;
  std::size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      fraction += unit * (text[at] - '0');
  }
  const auto zone = text.substr(at);
  if (!zone.empty() && zone != "Z" && zone.front() != '+' && zone.front() != '-') return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<long double>(days) * 86400 + *hour * 3600 + *minute * 60 + *second + fraction;
}

Error at_line(std::size_t number, const std::string& what) {
  return {ErrorCode::kInvalidInput, "line " + std::to_string(number) + ": " + what};
}

Result<std::vector<Row>> parse_csv(std::string_view rest, std::size_t most_rows) {
  const auto header = cells(next_line(rest));
  std::optional<std::size_t> time_column, input_column, output_column;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const auto name = lower(header[i]);
    if (name == "timestamp") time_column = i;
    if (name == "contexttokens") input_column = i;
    if (name == "generatedtokens") output_column = i;
  }
  if (!time_column || !input_column || !output_column)
    return at_line(1, "expected the columns TIMESTAMP, ContextTokens and GeneratedTokens, or JSON lines.");
  std::vector<Row> rows;
  for (std::size_t number = 2; !rest.empty() && rows.size() < most_rows; ++number) {
    const auto line = next_line(rest);
    if (trim(line).empty()) continue;
    const auto cell = cells(line);
    if (cell.size() <= std::max({*time_column, *input_column, *output_column}))
      return at_line(number, "it has fewer columns than the header.");
    const auto time = precise_time(cell[*time_column]);
    const auto input = token_count(cell[*input_column]);
    const auto output = token_count(cell[*output_column]);
    if (!time) return at_line(number, "expected a TIMESTAMP like 2023-11-16 18:17:03.9799600.");
    if (!input || !output) return at_line(number, "expected token counts from 0 to 10,000,000.");
    rows.push_back({*time, {0, std::max(1u, *input), std::max(1u, *output), {}}});
  }
  return rows;
}

Result<std::vector<Row>> parse_json_lines(std::string_view rest, std::size_t most_rows) {
  using Json = nlohmann::json;
  std::vector<Row> rows;
  for (std::size_t number = 1; !rest.empty() && rows.size() < most_rows; ++number) {
    const auto line = next_line(rest);
    if (trim(line).empty()) continue;
    const auto object = Json::parse(line, nullptr, false);
    if (!object.is_object()) return at_line(number, "expected one JSON object a line.");
    const auto count = [&](const char* key) -> std::optional<std::uint32_t> {
      const auto found = object.find(key);
      if (found == object.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > kMaxTokens)
        return std::nullopt;
      return static_cast<std::uint32_t>(found->get<std::uint64_t>());
    };
    const auto time = object.find("timestamp");
    if (time == object.end() || !time->is_number())
      return at_line(number, "expected \"timestamp\" as a number of milliseconds.");
    const auto input = count("input_length"), output = count("output_length");
    if (!input || !output)
      return at_line(number, "expected \"input_length\" and \"output_length\" from 0 to 10,000,000.");
    Row row{static_cast<long double>(time->get<double>()) / 1000, {0, std::max(1u, *input), std::max(1u, *output), {}}};
    if (const auto ids = object.find("hash_ids"); ids != object.end() && !ids->is_null()) {
      if (!ids->is_array()) return at_line(number, "expected \"hash_ids\" as a list of numbers.");
      for (const auto& id : *ids) {
        if (!id.is_number_unsigned())
          return at_line(number, "expected \"hash_ids\" as a list of numbers of 0 or more.");
        row.request.hash_ids.push_back(id.get<std::uint64_t>());
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::optional<double> parse_trace_time(std::string_view text) {
  const auto time = precise_time(text);
  if (!time) return std::nullopt;
  return static_cast<double>(*time);
}

Result<std::vector<TraceRequest>> parse_trace(std::string_view text, std::size_t most_rows) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return at_line(1, "the trace is empty.");
  TRY(rows, text[first] == '{' ? parse_json_lines(text, most_rows) : parse_csv(text, most_rows));
  if (rows.empty()) return at_line(1, "the trace holds no request.");
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.at < b.at; });
  std::vector<TraceRequest> out;
  out.reserve(rows.size());
  for (auto& row : rows) {
    row.request.at = static_cast<double>(row.at - rows.front().at);
    out.push_back(std::move(row.request));
  }
  return out;
}

}  // namespace troupe
