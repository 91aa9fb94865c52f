// The configuration described to others: as a JSON Schema for editors, and as a commented file for people.
#include <type_traits>

#include "runtime/config/keys.hpp"
#include "runtime/config/load.hpp"
#include "runtime/config/values.hpp"

namespace troupe::config {
namespace {

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out.append("\"");
}

std::string json_words(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) out.append(out.size() > 1 ? ", " : "").append(json_text(word));
  return out.append("]");
}

constexpr const char* kApiKeySchema =
    R"("type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["name", "sha256", "scopes"], )"
    R"("properties": {"name": {"type": "string", "minLength": 1, "maxLength": 64}, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, )"
    R"("scopes": {"type": "array", "minItems": 1, "items": {"enum": ["metrics", "infer", "admin", "inspect"]}}}})";

/// The keywords that constrain a value, without braces.
std::string constraint(const Key& key, Draft& draft) {
  const Slot slot = key.slot(draft);
  if (key.or_path)
    return R"("anyOf": [{"enum": )" + json_words(key.choices) + R"(}, {"type": "string", "pattern": "/"}])";
  if (!key.choices.empty()) return std::string("\"enum\": ") + json_words(key.choices);
  if (std::holds_alternative<bool*>(slot)) return R"("type": "boolean")";
  if (key.is_name) return R"("type": "string", "pattern": "^[a-z0-9-]{1,64}$")";
  if (std::holds_alternative<std::string*>(slot))
    return R"("type": "string", "maxLength": )" + std::to_string(key.most);
  if (std::holds_alternative<std::vector<std::string>*>(slot)) {
    return R"("type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 256}, "maxItems": )" +
           std::to_string(key.most);
  }
  if (std::holds_alternative<std::vector<ApiKeyEntry>*>(slot)) return kApiKeySchema;
  if (std::holds_alternative<std::chrono::milliseconds*>(slot)) {
    return R"("type": ["string", "integer"], "pattern": "^[0-9]+ ?(ms|s|m|h)$", "maximum": 0)";
  }
  const std::string bounds = "\"minimum\": " + std::to_string(key.least) + ", \"maximum\": " + std::to_string(key.most);
  if (key.unit == Unit::kBytes) {
    const std::string or_auto = key.zero_is_auto ? "auto|" : "";
    return R"("type": ["string", "integer"], "pattern": "^()" + or_auto + R"([0-9]+ ?([KMGT]iB|[kMGT]?B))$", )" +
           bounds;
  }
  if (key.zero_is_auto) return R"("type": ["string", "integer"], "pattern": "^auto$", )" + bounds;
  return R"("type": "integer", )" + bounds;
}

std::string json_default(const Key& key, Draft& draft) {
  const Slot slot = key.slot(draft);
  if (std::holds_alternative<bool*>(slot)) return show_value(key, draft);
  if (const auto* list = std::get_if<std::vector<std::string>*>(&slot)) return json_words(**list);
  if (std::holds_alternative<std::vector<ApiKeyEntry>*>(slot)) return "[]";
  if (const auto* text = std::get_if<std::string*>(&slot)) return json_text(**text);
  const std::string shown = show_value(key, draft);
  const bool number = shown.find_first_not_of("0123456789") == std::string::npos;
  return number ? shown : json_text(shown);
}

/// A list of objects beside the keys of a table.
struct ListSchema {
  std::string name;
  std::string text;  ///< its schema
  bool required = false;
};

std::string value_schema(const Key& key, Draft& draft) {
  std::string out = "{" + constraint(key, draft);
  if (!key.required) out += ", \"default\": " + json_default(key, draft);
  return out + ", \"description\": " + json_text(key.help) + "}";
}

/// The schema of the object whose keys' paths start with `prefix`, from `at` on; leaves `at` behind them. `list` may be
/// null.
std::string object_schema(const Table& table, const std::string& prefix, std::size_t& at, std::size_t indent,
                          const ListSchema* list) {
  static Draft draft;
  const std::string margin(indent, ' ');
  std::string properties;
  std::vector<std::string> required;
  while (at < table.size() && table[at].path.starts_with(prefix)) {
    const Key& key = table[at];
    const std::string rest = key.path.substr(prefix.size());
    const std::size_t dot = rest.find('.');
    properties += (properties.empty() ? "\n" : ",\n") + margin + json_text(rest.substr(0, dot)) + ": ";
    if (dot != std::string::npos) {
      properties += object_schema(table, prefix + rest.substr(0, dot + 1), at, indent + 2, nullptr);
      continue;
    }
    if (key.required) required.push_back(rest);
    properties += value_schema(key, draft);
    ++at;
  }
  if (list) {
    properties += ",\n" + margin + json_text(list->name) + ": " + list->text;
    if (list->required) required.push_back(list->name);
  }
  std::string out = "{\"type\": \"object\", \"additionalProperties\": false, ";
  if (!required.empty()) out += "\"required\": " + json_words(required) + ", ";
  return out + "\"properties\": {" + properties + "}}";
}

std::string whole_schema(const Table& table, const std::string& title, const ListSchema* list) {
  std::size_t at = 0;
  const std::string object = object_schema(table, "", at, 4, list);
  CHECK(at == table.size(), at);
  return "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": " + json_text(title) +
         ",\n  " + object.substr(1) + "\n";
}

}  // namespace

std::string schema_json() { return whole_schema(keys(), "troupe serve", nullptr); }

std::string cluster_schema_json() {
  std::size_t at = 0;
  const ListSchema machines{
      "machines", "{\"type\": \"array\", \"maxItems\": " + std::to_string(kMostMachinesOfNode) +
                      ", \"default\": [], \"items\": " + object_schema(machine_keys(), "", at, 12, nullptr) + "}"};
  at = 0;
  const ListSchema nodes{"nodes",
                         "{\"type\": \"array\", \"minItems\": 1, \"maxItems\": " + std::to_string(kMostClusterNodes) +
                             ", \"items\": " + object_schema(node_keys(), "", at, 8, &machines) + "}",
                         true};
  return whole_schema(cluster_keys(), "troupe cluster", &nodes);
}

std::string commented_defaults() {
  Draft draft;
  std::string out;
  std::vector<std::string> open;
  for (const Key& key : keys()) {
    std::vector<std::string> parts;
    for (std::size_t from = 0;;) {
      const std::size_t dot = key.path.find('.', from);
      parts.push_back(key.path.substr(from, dot - from));
      if (dot == std::string::npos) break;
      from = dot + 1;
    }
    std::size_t same = 0;
    while (same < open.size() && same + 1 < parts.size() && open[same] == parts[same]) ++same;
    if (same == 0) out += "\n";
    for (std::size_t level = same; level + 1 < parts.size(); ++level)
      out += std::string(2 * level, ' ') + parts[level] + ":\n";
    open.assign(parts.begin(), parts.end() - 1);
    const std::string margin(2 * (parts.size() - 1), ' ');
    out.append(margin).append("# ").append(key.help);
    if (must_be_plain(key) || !key.choices.empty()) out += " (" + expectation(key) + ")";
    out += "\n";
    out.append(margin).append(parts.back()).append(": ").append(show_value(key, draft)).append("\n");
  }
  return out.substr(1);
}

}  // namespace troupe::config
