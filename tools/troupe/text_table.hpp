// Tables for the terminal out of a server's JSON: nothing that came over the network reaches the terminal unchecked.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace troupe {

using TableRow = std::vector<std::string>;

/// What object[key] shows in a table: at most 80 bytes without control characters; "-" where it is not there or empty.
std::string table_cell(const nlohmann::json& object, const char* key);

/// The rows one below the other, columns two spaces apart. All rows have as many cells as the first.
std::string text_table(const std::vector<TableRow>& rows);

/// Whether json[key] is a list that holds nothing but objects.
bool is_list_of_objects(const nlohmann::json& json, const char* key);

/// A server's sentence as a terminal may show it: one line without control characters, at most `bytes` of it.
std::string one_line(const nlohmann::json& object, const char* key, std::size_t bytes = 500);

}  // namespace troupe
