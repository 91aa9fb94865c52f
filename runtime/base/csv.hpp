// Lines of comma-separated values, without quotes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace troupe {

struct CsvCell {
  std::string_view text;  ///< of the line, without blanks around it
  std::size_t column;     ///< from 1, as messages count
};

/// The line's cells, at most `most`: a line with more is taken to end there.
inline std::vector<CsvCell> csv_cells(std::string_view line, std::size_t most = 64) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  std::vector<CsvCell> out;
  for (std::size_t at = 0; out.size() < most;) {
    const auto comma = std::min(line.find(',', at), line.size());
    auto begin = at, end = comma;
    while (begin < end && is_blank(line[begin])) ++begin;
    while (end > begin && is_blank(line[end - 1])) --end;
    out.push_back({line.substr(begin, end - begin), begin + 1});
    if (comma == line.size()) break;
    at = comma + 1;
  }
  return out;
}

}  // namespace troupe
