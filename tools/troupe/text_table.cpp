#include "tools/troupe/text_table.hpp"

#include <algorithm>

#include "runtime/base/utf8.hpp"

namespace troupe {
namespace {

std::string harmless(std::string text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  std::replace_if(text.begin(), text.end(), is_control, ' ');
  return text;
}

}  // namespace

std::string table_cell(const nlohmann::json& object, const char* key) {
  constexpr std::size_t kWidest = 80;
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "-";
  if (!found->is_string()) return found->is_primitive() ? found->dump() : "-";
  const std::string text = harmless(found->get<std::string>().substr(0, kWidest));
  return text.empty() ? "-" : text;
}

std::string one_line(const nlohmann::json& object, const char* key, std::size_t bytes) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return "";
  return harmless(replace_invalid_utf8(found->get<std::string>().substr(0, bytes)));
}

std::string text_table(const std::vector<TableRow>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const TableRow& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const TableRow& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] + 2 - row[i].size(), ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

bool is_list_of_objects(const nlohmann::json& json, const char* key) {
  return json.contains(key) && json[key].is_array() &&
         std::all_of(json[key].begin(), json[key].end(), [](const auto& entry) { return entry.is_object(); });
}

}  // namespace troupe
