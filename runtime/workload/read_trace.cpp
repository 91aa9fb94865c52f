#include "runtime/workload/read_trace.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/base/csv.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/number.hpp"

namespace troupe::workload {
namespace {

using std::chrono::nanoseconds;

/// About 31 years: what a trace's seconds may be and still fit nanoseconds with room for sums.
constexpr double kMostSeconds = 1e9;

Error at_place(std::size_t line, std::size_t column, const std::string& what) {
  return {ErrorCode::kInvalidInput,
          "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what};
}

std::string_view next_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t'; });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<std::int32_t> token_count(std::string_view text) {
  const auto value = parse_number<std::int64_t>(text);
  if (!value || *value < 0 || *value > kMostTokens) return std::nullopt;
  return std::max(1, static_cast<std::int32_t>(*value));
}

std::optional<nanoseconds> from_seconds(double seconds) {
  if (!(seconds >= 0 && seconds <= kMostSeconds)) return std::nullopt;
  return nanoseconds(std::llround(static_cast<long double>(seconds) * 1e9L));
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

/// Where the columns of a CSV stand, by the names that its header gives them.
struct Columns {
  explicit Columns(const std::vector<CsvCell>& header) {
    for (const auto& cell : header) names.push_back(lower(cell.text));
  }
  std::optional<std::size_t> of(std::string_view name) const {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names.begin());
  }
  std::vector<std::string> names;
};

/// One row of a CSV, with what its mistakes are said to be.
struct Row {
  std::size_t line;
  const std::vector<CsvCell>& cell;
  Error wrong(std::size_t column, const std::string& what) const { return at_place(line, cell[column].column, what); }
};

Result<std::int32_t> tokens(const Row& row, std::size_t column) {
  const auto value = token_count(row.cell[column].text);
  if (!value) return row.wrong(column, "expected token counts from 0 to 10,000,000.");
  return *value;
}

struct AzureColumns {
  std::size_t time, prompt, output;
};

Result<Arrival> azure_row(const Row& row, const AzureColumns& columns) {
  const auto time = parse_trace_time(row.cell[columns.time].text);
  if (!time) return row.wrong(columns.time, "expected a TIMESTAMP like 2023-11-16 18:17:03.9799600.");
  TRY(prompt, tokens(row, columns.prompt));
  TRY(output, tokens(row, columns.output));
  return Arrival{*time, prompt, output};
}

struct SplitwiseColumns {
  std::size_t time, prompt, output;
  std::optional<std::size_t> id, batch;
};

Result<Arrival> splitwise_row(const Row& row, const SplitwiseColumns& columns) {
  const auto seconds = parse_number<double>(row.cell[columns.time].text);
  const auto time = seconds ? from_seconds(*seconds) : std::nullopt;
  if (!time) return row.wrong(columns.time, "expected an arrival_timestamp in seconds, from 0 to 1,000,000,000.");
  TRY(prompt, tokens(row, columns.prompt));
  TRY(output, tokens(row, columns.output));
  Arrival arrival{*time, prompt, output};
  if (columns.batch && row.cell[*columns.batch].text != "1")
    return row.wrong(*columns.batch, "expected a batch_size of 1: a request with more is several requests.");
  if (columns.id) {
    const auto id = parse_number<std::int64_t>(row.cell[*columns.id].text);
    if (!id || *id < 0) return row.wrong(*columns.id, "expected a request_id that is a whole number of 0 or more.");
    arrival.id = *id;
  }
  return arrival;
}

template <class ReadRow>
Result<Load> read_rows(std::string_view rest, std::size_t most_rows, std::size_t most_column, const ReadRow& read) {
  Load out;
  for (std::size_t line_number = 2; !rest.empty() && out.size() < most_rows; ++line_number) {
    const auto line = next_line(rest);
    if (is_blank(line)) continue;
    const auto cell = csv_cells(line);
    if (cell.size() <= most_column)
      return at_place(line_number, line.size() + 1, "the row ends here, before the columns that the header has.");
    TRY(arrival, read(Row{line_number, cell}, static_cast<std::int64_t>(out.size())));
    out.push_back(std::move(arrival));
  }
  return out;
}

Result<Load> read_csv(std::string_view rest, std::size_t most_rows) {
  const auto header = csv_cells(next_line(rest));
  const Columns columns(header);
  const auto time = columns.of("timestamp"), prompt = columns.of("contexttokens"),
             output = columns.of("generatedtokens");
  if (time && prompt && output) {
    const AzureColumns azure{*time, *prompt, *output};
    TRY(load, read_rows(rest, most_rows, std::max({*time, *prompt, *output}), [&](const Row& row, std::int64_t place) {
          auto arrival = azure_row(row, azure);
          if (arrival.ok()) arrival->id = place;
          return arrival;
        }));
    const auto first =
        std::min_element(load.begin(), load.end(), [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
    if (first != load.end())
      for (const auto begin = first->at; auto& arrival : load) arrival.at -= begin;
    return load;
  }
  const auto arrived = columns.of("arrival_timestamp"), size = columns.of("prompt_size"),
             made = columns.of("token_size");
  if (!arrived || !size || !made)
    return at_place(1, 1,
                    "expected the columns TIMESTAMP, ContextTokens and GeneratedTokens (Azure), or "
                    "arrival_timestamp, prompt_size and token_size (Splitwise), or JSON lines (Mooncake).");
  const SplitwiseColumns splitwise{*arrived, *size, *made, columns.of("request_id"), columns.of("batch_size")};
  const auto most = std::max({*arrived, *size, *made, splitwise.id.value_or(0), splitwise.batch.value_or(0)});
  return read_rows(rest, most_rows, most, [&](const Row& row, std::int64_t place) {
    auto arrival = splitwise_row(row, splitwise);
    if (arrival.ok() && !splitwise.id) arrival->id = place;
    return arrival;
  });
}

Result<Arrival> mooncake_line(std::string_view line, std::size_t line_number) {
  using Json = nlohmann::json;
  std::size_t column = 1;
  // The parser tells where it gave up by an exception; nothing of it leaves this function.
  Json object;
  try {
    object = Json::parse(line);
  } catch (const Json::parse_error& error) {
    column = std::clamp<std::size_t>(error.byte, 1, line.size() + 1);
    object = nullptr;
  }
  if (!object.is_object()) return at_place(line_number, column, "expected one JSON object a line.");
  const auto wrong = [&](const char* key, const std::string& what) {
    const auto found = line.find("\"" + std::string(key) + "\"");
    return at_place(line_number, found == std::string_view::npos ? 1 : found + 1, what);
  };
  const auto count = [&](const char* key) -> std::optional<std::int32_t> {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_unsigned() ||
        found->get<std::uint64_t>() > static_cast<std::uint64_t>(kMostTokens))
      return std::nullopt;
    return std::max(1, static_cast<std::int32_t>(found->get<std::uint64_t>()));
  };
  const auto time = object.find("timestamp");
  const auto at = time != object.end() && time->is_number() ? from_seconds(time->get<double>() / 1000) : std::nullopt;
  if (!at) return wrong("timestamp", "expected \"timestamp\" as a number of milliseconds, 0 or more.");
  const auto prompt = count("input_length"), output = count("output_length");
  if (!prompt || !output)
    return wrong(prompt ? "output_length" : "input_length",
                 "expected \"input_length\" and \"output_length\" from 0 to 10,000,000.");
  Arrival arrival{*at, *prompt, *output};
  if (const auto ids = object.find("hash_ids"); ids != object.end() && !ids->is_null()) {
    const bool good = ids->is_array() &&
                      std::all_of(ids->begin(), ids->end(), [](const Json& id) { return id.is_number_unsigned(); });
    if (!good) return wrong("hash_ids", "expected \"hash_ids\" as a list of whole numbers of 0 or more.");
    for (const auto& id : *ids) arrival.hash_ids.push_back(id.get<std::uint64_t>());
  }
  return arrival;
}

Result<Load> read_json_lines(std::string_view rest, std::size_t most_rows) {
  Load out;
  for (std::size_t line_number = 1; !rest.empty() && out.size() < most_rows; ++line_number) {
    const auto line = next_line(rest);
    if (is_blank(line)) continue;
    TRY(arrival, mooncake_line(line, line_number));
    arrival.id = static_cast<std::int64_t>(out.size());
    out.push_back(std::move(arrival));
  }
  return out;
}

}  // namespace

std::optional<nanoseconds> parse_trace_time(std::string_view text) {
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' ||
      (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':' || *hour > 23 || *minute > 59 ||
      *second > 60 || *year < 1970 || *year > 2200)
    return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  std::int64_t fraction = 0, unit = 100'000'000;
  std::size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      fraction += unit * (text[at] - '0');
  }
  const auto zone = text.substr(at);
  if (!zone.empty() && zone != "Z" && zone.front() != '+' && zone.front() != '-') return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + nanoseconds(fraction);
}

Result<Load> read_trace(std::string_view text, std::size_t most_rows) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return at_place(1, 1, "the trace is empty.");
  TRY(load, text[first] == '{' ? read_json_lines(text, most_rows) : read_csv(text, most_rows));
  if (load.empty()) return at_place(1, 1, "the trace holds no request.");
  std::stable_sort(load.begin(), load.end(), [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
  return std::move(load);
}

Result<Load> read_trace_file(const std::string& path, std::size_t most_rows) {
  TRY(text, read_file(path, kMostTraceBytes));
  auto load = read_trace(text, most_rows);
  if (!load.ok()) return load.error().within(path);
  return load;
}

}  // namespace troupe::workload
