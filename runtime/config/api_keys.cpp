// One API key in a file. What stands there may be a key in the clear by mistake, so that its line is never repeated.
#include <algorithm>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/config/section_reader.hpp"

namespace troupe::config {

bool read_api_key(const Node& item, ApiKeyEntry& entry, Problems& problems) {
  static const std::vector<std::string> kKnown = {"name", "sha256", "scopes"};
  bool good = true;
  const auto wrong = [&](Place place, std::string message, std::string expected) {
    problems.add(place, std::move(message), std::move(expected));
    good = false;
  };
  for (const Entry& part : item.entries) {
    const std::string& name = part.key.text;
    const Node& value = part.value;
    if (name == "name") {
      entry.name = value.text;
      if (value.kind != Node::Kind::kScalar || value.text.empty() || value.text.size() > 64) {
        wrong(value.place, "an API key's name cannot be " + value.described(), "a word of 1 to 64 bytes");
      }
    } else if (name == "sha256") {
      // What stands here may be the key itself.
      problems.hide(value.place.line);
      entry.sha256 = value.text;
      const bool digits = std::all_of(value.text.begin(), value.text.end(),
                                      [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
      if (value.kind != Node::Kind::kScalar || value.text.size() != 64 || !digits) {
        wrong({part.key.place.line, part.key.place.column, 6}, "the sha256 of an API key is not one",
              "64 lower-case hexadecimal digits: printf %s KEY | sha256sum");
      }
    } else if (name == "scopes") {
      if (value.kind != Node::Kind::kSequence || value.items.empty() || value.items.size() > kScopes.size()) {
        wrong(value.place, "scopes cannot be " + value.described(), "a list of " + one_of(kScopes));
        continue;
      }
      for (const Node& scope : value.items) {
        if (std::find(kScopes.begin(), kScopes.end(), scope.text) == kScopes.end()) {
          wrong(scope.place, "unknown scope " + in_quotes(scope.text) + did_you_mean(scope.text, kScopes),
                one_of(kScopes));
        }
        entry.scopes.push_back(scope.text);
      }
    } else {
      wrong(part.key.place, "unknown key " + in_quotes(name) + " in an API key" + did_you_mean(name, kKnown),
            one_of(kKnown));
    }
  }
  if (good && (entry.name.empty() || entry.sha256.empty() || entry.scopes.empty())) {
    wrong(item.place,
          "an API key without its " + std::string(entry.name.empty()     ? "name"
                                                  : entry.sha256.empty() ? "sha256"
                                                                         : "scopes"),
          "{name, sha256, scopes}");
  }
  return good;
}

}  // namespace troupe::config
