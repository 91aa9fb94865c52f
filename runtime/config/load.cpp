#include "runtime/config/load.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/file.hpp"
#include "runtime/config/document.hpp"
#include "runtime/config/keys.hpp"
#include "runtime/config/problems.hpp"
#include "runtime/config/values.hpp"

namespace troupe::config {
namespace {

struct Origin {
  std::string source;
  Place place;  ///< line 0 where the source is not the file
};

/// The names one level below `prefix` ("" or "http."): keys and sections.
std::vector<std::string> names_below(const std::string& prefix) {
  std::vector<std::string> names;
  for (const Key& key : keys()) {
    if (!key.path.starts_with(prefix)) continue;
    std::string name = key.path.substr(prefix.size());
    name = name.substr(0, name.find('.'));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

bool is_section(const std::string& path) {
  return std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return key.path.starts_with(path + '.'); });
}

/// " (\"port\" belongs under http)" where a key of that name lives elsewhere.
std::string elsewhere(const std::string& name) {
  for (const Key& key : keys()) {
    const std::size_t dot = key.path.rfind('.');
    if (key.path.substr(dot + 1) == name) return " (did you mean \"" + key.path + "\"?)";
  }
  return {};
}

/// One configuration in the making.
class Loader {
 public:
  Loader(Problems& problems, std::string file) : problems_(problems), file_(std::move(file)) {}

  void read_section(const Node& section, const std::string& prefix) {
    for (const Entry& entry : section.entries) {
      if (problems_.full()) return;
      const std::string path = prefix + entry.key.text;
      if (const Key* key = find_key(path)) {
        read_value(*key, entry);
      } else if (is_section(path)) {
        read_subsection(path, entry);
      } else {
        const std::vector<std::string> known = names_below(prefix);
        std::string hint = did_you_mean(entry.key.text, known);
        if (hint.empty()) hint = elsewhere(entry.key.text);
        const std::string where = prefix.empty() ? "" : " in \"" + prefix.substr(0, prefix.size() - 1) + '"';
        problems_.add(entry.key.place, "unknown key " + in_quotes(entry.key.text) + where + hint, one_of(known));
      }
    }
  }

  void take(const std::string& path, const std::string& value, const std::string& source) {
    const Key* key = find_key(path);
    CHECK(key, path);
    if (auto refused = set_value(*key, config_, value)) {
      problems_.add_elsewhere(source, std::move(refused->message), std::move(refused->expected));
    } else {
      origins_[path] = {source, {}};
    }
  }

  /// What no single key can tell.
  void check_together(bool require_model) {
    const HttpSection& http = config_.http;
    if (require_model && config_.model.path.empty()) {
      const Place start = file_.empty() ? Place{} : Place{1, 1, 1};
      problems_.add(start, "model.path is missing", "the directory of a Hugging Face checkpoint, under model: path:");
    }
    if (http.tls.certificate.empty() != http.tls.key.empty()) {
      const bool no_key = http.tls.key.empty();
      report({no_key ? "http.tls.certificate" : "http.tls.key"},
             no_key ? "a certificate without a key" : "a key without a certificate",
             "http.tls.certificate and http.tls.key together");
    }
    const bool loopback = http.address == "localhost" || http.address == "::1" || http.address.starts_with("127.");
    const bool keys_given = !http.api_keys.empty() || !http.api_key_file.empty();
    if (!loopback && !http.allow_insecure && (!keys_given || http.tls.key.empty())) {
      report({"http.address"},
             http.address + " is not loopback, and there is no " +
                 (keys_given             ? "TLS"
                  : http.tls.key.empty() ? "API key and no TLS"
                                         : "API key"),
             "127.0.0.1; or http.api_keys and http.tls; or, on an isolated network, http.allow_insecure: true");
    }
    SchedulingSection& scheduling = config_.scheduling;
    if (scheduling.prompt_tokens_beside_decodes > scheduling.max_batch_tokens) {
      if (!origins_.contains("scheduling.prompt_tokens_beside_decodes")) {
        scheduling.prompt_tokens_beside_decodes = scheduling.max_batch_tokens;
      } else {
        report({"scheduling.prompt_tokens_beside_decodes"},
               "scheduling.prompt_tokens_beside_decodes is over scheduling.max_batch_tokens",
               "at most " + std::to_string(scheduling.max_batch_tokens));
      }
    }
    if (http.limits.body_bytes > http.limits.total_body_bytes ||
        http.limits.chat_body_bytes > http.limits.total_body_bytes) {
      report({"http.limits.total_body_bytes", "http.limits.chat_body_bytes", "http.limits.body_bytes"},
             "http.limits.total_body_bytes is under the size of one body",
             "at least http.limits.body_bytes and http.limits.chat_body_bytes");
    }
    if (http.limits.connections_per_peer > http.limits.connections) {
      report({"http.limits.connections_per_peer", "http.limits.connections"},
             "http.limits.connections_per_peer is over http.limits.connections",
             "at most " + std::to_string(http.limits.connections));
    }
  }

  Loaded finish() {
    Loaded loaded;
    const ServeConfig defaults;
    for (const Key& key : keys()) {
      const auto origin = origins_.find(key.path);
      loaded.settings.push_back({key.path, show_value(key, config_),
                                 origin == origins_.end() ? "default" : origin->second.source,
                                 show_value(key, defaults), key.help});
    }
    loaded.config = std::move(config_);
    return loaded;
  }

 private:
  /// At the first of the keys that was given at all.
  void report(const std::vector<std::string>& paths, std::string message, std::string expected) {
    for (const std::string& path : paths) {
      const auto origin = origins_.find(path);
      if (origin == origins_.end()) continue;
      if (origin->second.place.line > 0) {
        problems_.add(origin->second.place, std::move(message), std::move(expected));
      } else {
        problems_.add_elsewhere(origin->second.source, std::move(message), std::move(expected));
      }
      return;
    }
    problems_.add({}, std::move(message), std::move(expected));
  }

  void came_from_file(const std::string& path, Place place) {
    origins_[path] = {file_ + ':' + std::to_string(place.line) + ':' + std::to_string(place.column), place};
  }

  void read_subsection(const std::string& path, const Entry& entry) {
    if (entry.value.kind == Node::Kind::kMapping) return read_section(entry.value, path + '.');
    if (entry.value.kind == Node::Kind::kNull) return;
    problems_.add(entry.value.place, "\"" + path + "\" is a section, not " + entry.value.described(),
                  "keys below it: " + one_of(names_below(path + '.')));
  }

  void read_value(const Key& key, const Entry& entry) {
    const Node& value = entry.value;
    if (value.kind == Node::Kind::kNull) {
      problems_.add(entry.key.place, "the key " + in_quotes(entry.key.text) + " has no value", expectation(key));
      return;
    }
    if (key.path == "http.api_keys") return read_api_keys(key, value);
    if (is_list(key) != (value.kind == Node::Kind::kSequence) || value.kind == Node::Kind::kMapping) {
      problems_.add(value.place, "\"" + key.path + "\" cannot be " + value.described(), expectation(key));
      return;
    }
    if (is_list(key)) return read_list(key, value);
    if (must_be_plain(key) && !value.plain) {
      problems_.add(value.place, in_quotes(value.text) + " in quotes is a text", expectation(key) + ", without quotes");
      return;
    }
    if (auto refused = set_value(key, config_, value.text)) {
      problems_.add(value.place, std::move(refused->message), std::move(refused->expected));
      return;
    }
    if (key.is_path) resolve(*std::get<std::string*>(key.slot(config_)));
    came_from_file(key.path, value.place);
  }

  void read_list(const Key& key, const Node& value) {
    auto& slot = *std::get<std::vector<std::string>*>(key.slot(config_));
    if (value.items.size() > key.most) {
      problems_.add(value.place, "a list of " + std::to_string(value.items.size()) + " words", expectation(key));
      return;
    }
    std::vector<std::string> words;
    for (const Node& item : value.items) {
      const bool text = item.kind == Node::Kind::kScalar;
      if (!text || item.text.empty() || item.text.size() > 256 || item.text.find(',') != std::string::npos) {
        problems_.add(item.place, item.described() + " cannot be in \"" + key.path + '"',
                      "a word of at most 256 bytes, without commas");
        return;
      }
      words.push_back(item.text);
    }
    slot = std::move(words);
    came_from_file(key.path, value.place);
  }

  void read_api_keys(const Key& key, const Node& value) {
    if (value.kind != Node::Kind::kSequence || value.items.size() > key.most) {
      problems_.add(value.place, "\"http.api_keys\" cannot be " + value.described(), expectation(key));
      return;
    }
    std::set<std::string> names;
    for (const Node& item : value.items) {
      if (problems_.full()) return;
      if (item.kind != Node::Kind::kMapping) {
        problems_.add(item.place, "an API key cannot be " + item.described(), "{name, sha256, scopes}");
        continue;
      }
      ApiKeyEntry entry;
      if (!read_api_key(item, entry)) continue;
      if (!names.insert(entry.name).second) {
        problems_.add(item.place, "a second API key named " + in_quotes(entry.name), "a name of its own");
        continue;
      }
      config_.http.api_keys.push_back(std::move(entry));
    }
    came_from_file(key.path, value.place);
  }

  bool read_api_key(const Node& item, ApiKeyEntry& entry) {
    static const std::vector<std::string> kKnown = {"name", "sha256", "scopes"};
    bool good = true;
    const auto wrong = [&](Place place, std::string message, std::string expected) {
      problems_.add(place, std::move(message), std::move(expected));
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
        problems_.hide(value.place.line);
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

  void resolve(std::string& path) const {
    const std::filesystem::path given(path);
    if (path.empty() || given.is_absolute()) return;
    path = (std::filesystem::path(file_).parent_path() / given).lexically_normal().string();
  }

  Problems& problems_;
  std::string file_;
  ServeConfig config_;
  std::map<std::string, Origin> origins_;
};

std::vector<std::string> environment_names() {
  std::vector<std::string> names;
  for (const Key& key : keys()) names.push_back(environment_name(key.path));
  return names;
}

}  // namespace

Result<Loaded> load(const Sources& sources) {
  std::string text;
  if (!sources.file.empty()) {
    auto read = read_file(sources.file, kMostFileBytes);
    if (!read.ok() && read.error().code == ErrorCode::kTooLarge) {
      return Error{
          ErrorCode::kConfig,
          sources.file + ":1:1: error: the file is larger than 1 MiB\n  expected a configuration of 1 MiB at most"};
    }
    if (!read.ok()) return std::move(read).error();
    text = std::move(read).value();
  }
  Problems problems(sources.file.empty() ? "configuration" : sources.file, text);
  Loader loader(problems, sources.file);
  if (!sources.file.empty()) {
    const std::optional<Node> root = parse_document(text, problems);
    if (!root) return problems.error();
    if (root->kind != Node::Kind::kMapping) {
      problems.add(root->place, "a configuration cannot be " + root->described(),
                   "sections: " + one_of(names_below("")));
      return problems.error();
    }
    loader.read_section(*root, "");
  }
  std::vector<std::string> notes;
  const std::vector<std::string> variables = environment_names();
  for (const auto& [name, value] : sources.environment) {
    const auto found = std::find(variables.begin(), variables.end(), name);
    if (found != variables.end()) {
      loader.take(keys()[static_cast<std::size_t>(found - variables.begin())].path, value, name);
    } else if (name.starts_with("TROUPE_")) {
      const std::string near = did_you_mean(name, variables);
      if (!near.empty())
        notes.push_back("the environment variable " + name + " is no setting and is passed over" + near);
    }
  }
  for (const FlagValue& flag : sources.flags) loader.take(flag.key, flag.value, flag.flag);
  if (problems.empty()) loader.check_together(sources.require_model);
  if (!problems.empty()) return problems.error();
  Loaded loaded = loader.finish();
  loaded.notes = std::move(notes);
  return loaded;
}

Result<ServeConfig> load_serve(const std::string& path) {
  Sources sources;
  sources.file = path;
  TRY(loaded, load(sources));
  return std::move(loaded.config);
}

std::vector<std::pair<std::string, std::string>> process_environment() {
  std::vector<std::pair<std::string, std::string>> found;
  for (char** at = environ; at && *at; ++at) {
    const std::string_view variable(*at);
    const std::size_t equals = variable.find('=');
    if (!variable.starts_with("TROUPE_") || equals == std::string_view::npos) continue;
    found.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return found;
}

}  // namespace troupe::config
