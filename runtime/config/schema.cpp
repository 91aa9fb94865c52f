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
std::string constraint(const Key& key, ServeConfig& config) {
  const Slot slot = key.slot(config);
  if (!key.choices.empty()) return std::string("\"enum\": ") + json_words(key.choices);
  if (std::holds_alternative<bool*>(slot)) return R"("type": "boolean")";
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

std::string json_default(const Key& key, ServeConfig& config) {
  const Slot slot = key.slot(config);
  if (std::holds_alternative<bool*>(slot)) return show_value(key, config);
  if (const auto* list = std::get_if<std::vector<std::string>*>(&slot)) return json_words(**list);
  if (std::holds_alternative<std::vector<ApiKeyEntry>*>(slot)) return "[]";
  if (const auto* text = std::get_if<std::string*>(&slot)) return json_text(**text);
  const std::string shown = show_value(key, config);
  const bool number = shown.find_first_not_of("0123456789") == std::string::npos;
  return number ? shown : json_text(shown);
}

/// Writes the properties whose paths start with `prefix`, from `at` on; leaves `at` behind them.
void write_properties(const std::string& prefix, std::size_t& at, std::size_t indent, std::string& out,
                      ServeConfig& config) {
  const std::string margin(indent, ' ');
  bool first = true;
  out += "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {";
  while (at < keys().size() && keys()[at].path.starts_with(prefix)) {
    const Key& key = keys()[at];
    const std::string rest = key.path.substr(prefix.size());
    const std::size_t dot = rest.find('.');
    out += (first ? "\n" : ",\n") + margin + json_text(rest.substr(0, dot)) + ": ";
    first = false;
    if (dot != std::string::npos) {
      write_properties(prefix + rest.substr(0, dot + 1), at, indent + 2, out, config);
      continue;
    }
    out.append("{").append(constraint(key, config)).append(", \"default\": ").append(json_default(key, config));
    out.append(", \"description\": ").append(json_text(key.help)).append("}");
    ++at;
  }
  out += "}}";
}

}  // namespace

std::string schema_json() {
  ServeConfig config;
  std::string properties;
  std::size_t at = 0;
  write_properties("", at, 4, properties, config);
  CHECK(at == keys().size(), at);
  return "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"troupe serve\",\n  " +
         properties.substr(1) + "\n";
}

std::string commented_defaults() {
  ServeConfig config;
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
    out.append(margin).append(parts.back()).append(": ").append(show_value(key, config)).append("\n");
  }
  return out.substr(1);
}

}  // namespace troupe::config
