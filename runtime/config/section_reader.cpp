#include "runtime/config/section_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/config/values.hpp"

namespace troupe::config {
namespace {

bool is_section(const Table& table, const std::string& path) {
  return std::any_of(table.begin(), table.end(), [&](const Key& key) { return key.path.starts_with(path + '.'); });
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

void SectionReader::read(const Node& mapping, const std::vector<std::string>& lists) {
  for (const Entry& entry : mapping.entries) seen_.push_back(entry.key.text);
  read_below(mapping, "", lists);
}

void SectionReader::read_below(const Node& section, const std::string& prefix, const std::vector<std::string>& lists) {
  for (const Entry& entry : section.entries) {
    if (problems_->full()) return;
    const std::string path = prefix + entry.key.text;
    if (prefix.empty() && has(lists, path)) continue;
    if (const Key* key = find_key(*table_, path)) {
      read_value(*key, entry);
    } else if (is_section(*table_, path)) {
      read_subsection(path, entry);
    } else {
      misspelled_ = misspelled_ || prefix.empty();
      std::vector<std::string> known = names_below(prefix);
      if (prefix.empty()) known.insert(known.end(), lists.begin(), lists.end());
      std::string hint = did_you_mean(entry.key.text, known);
      if (hint.empty()) hint = elsewhere(entry.key.text);
      const std::string where = prefix.empty() ? "" : " in \"" + prefix.substr(0, prefix.size() - 1) + '"';
      problems_->add(entry.key.place, "unknown key " + in_quotes(entry.key.text) + where + hint, one_of(known));
    }
  }
}

void SectionReader::take(const std::string& path, const std::string& value, const std::string& source) {
  const Key* key = find_key(*table_, path);
  CHECK(key, path);
  if (auto refused = set_value(*key, draft_, value)) {
    problems_->add_elsewhere(source, std::move(refused->message), std::move(refused->expected));
  } else {
    origins_[path] = {source, {}};
  }
}

void SectionReader::require_keys(Place place, const std::string& what) {
  if (misspelled_) return;
  for (const Key& key : *table_) {
    if (!key.required || has(seen_, key.path) || given(key.path)) continue;
    problems_->add(place, what + " without its " + key.path, key.path + ": " + expectation(key));
  }
}

void SectionReader::report(const std::vector<std::string>& paths, std::string message, std::string expected,
                           Place otherwise) {
  for (const std::string& path : paths) {
    const auto origin = origins_.find(path);
    if (origin == origins_.end()) continue;
    if (origin->second.place.line > 0) {
      problems_->add(origin->second.place, std::move(message), std::move(expected));
    } else {
      problems_->add_elsewhere(origin->second.source, std::move(message), std::move(expected));
    }
    return;
  }
  problems_->add(otherwise, std::move(message), std::move(expected));
}

std::string SectionReader::source_of(const std::string& key) const {
  const auto origin = origins_.find(key);
  return origin == origins_.end() ? "default" : origin->second.source;
}

void SectionReader::read_subsection(const std::string& path, const Entry& entry) {
  if (entry.value.kind == Node::Kind::kMapping) return read_below(entry.value, path + '.', {});
  if (entry.value.kind == Node::Kind::kNull) return;
  problems_->add(entry.value.place, "\"" + path + "\" is a section, not " + entry.value.described(),
                 "keys below it: " + one_of(names_below(path + '.')));
}

void SectionReader::read_value(const Key& key, const Entry& entry) {
  const Node& value = entry.value;
  if (value.kind == Node::Kind::kNull) {
    problems_->add(entry.key.place, "the key " + in_quotes(entry.key.text) + " has no value", expectation(key));
    return;
  }
  if (key.path == "http.api_keys") return read_api_keys(key, value);
  if (is_list(key) != (value.kind == Node::Kind::kSequence) || value.kind == Node::Kind::kMapping) {
    problems_->add(value.place, "\"" + key.path + "\" cannot be " + value.described(), expectation(key));
    return;
  }
  if (is_list(key)) return read_list(key, value);
  if (must_be_plain(key) && !value.plain) {
    problems_->add(value.place, in_quotes(value.text) + " in quotes is a text", expectation(key) + ", without quotes");
    return;
  }
  if (auto refused = set_value(key, draft_, value.text)) {
    problems_->add(value.place, std::move(refused->message), std::move(refused->expected));
    return;
  }
  if (key.is_path || (key.or_path && value.text.find('/') != std::string::npos))
    resolve(*std::get<std::string*>(key.slot(draft_)));
  came_from_file(key.path, value.place);
}

void SectionReader::read_list(const Key& key, const Node& value) {
  auto& slot = *std::get<std::vector<std::string>*>(key.slot(draft_));
  if (value.items.size() > key.most) {
    problems_->add(value.place, "a list of " + std::to_string(value.items.size()) + " words", expectation(key));
    return;
  }
  std::vector<std::string> words;
  for (const Node& item : value.items) {
    const bool text = item.kind == Node::Kind::kScalar;
    if (!text || item.text.empty() || item.text.size() > 256 || item.text.find(',') != std::string::npos) {
      problems_->add(item.place, item.described() + " cannot be in \"" + key.path + '"',
                     "a word of at most 256 bytes, without commas");
      return;
    }
    words.push_back(item.text);
  }
  slot = std::move(words);
  came_from_file(key.path, value.place);
}

void SectionReader::read_api_keys(const Key& key, const Node& value) {
  if (value.kind != Node::Kind::kSequence || value.items.size() > key.most) {
    problems_->add(value.place, "\"http.api_keys\" cannot be " + value.described(), expectation(key));
    return;
  }
  std::set<std::string> names;
  for (const Node& item : value.items) {
    if (problems_->full()) return;
    if (item.kind != Node::Kind::kMapping) {
      problems_->add(item.place, "an API key cannot be " + item.described(), "{name, sha256, scopes}");
      continue;
    }
    ApiKeyEntry entry;
    if (!read_api_key(item, entry, *problems_)) continue;
    if (!names.insert(entry.name).second) {
      problems_->add(item.place, "a second API key named " + in_quotes(entry.name), "a name of its own");
      continue;
    }
    draft_.serve.http.api_keys.push_back(std::move(entry));
  }
  came_from_file(key.path, value.place);
}

void SectionReader::came_from_file(const std::string& path, Place place) {
  origins_[path] = {file_ + ':' + std::to_string(place.line) + ':' + std::to_string(place.column), place};
}

void SectionReader::resolve(std::string& path) const {
  const std::filesystem::path given(path);
  if (path.empty() || given.is_absolute()) return;
  path = (std::filesystem::path(file_).parent_path() / given).lexically_normal().string();
}

/// " (did you mean \"http.port\"?)" where a key of that name lives elsewhere.
std::string SectionReader::elsewhere(const std::string& name) const {
  for (const Key& key : *table_) {
    const std::size_t dot = key.path.rfind('.');
    if (key.path.substr(dot + 1) == name) return " (did you mean \"" + key.path + "\"?)";
  }
  for (const OtherTable& other : others_) {
    if (find_key(*other.table, name) || is_section(*other.table, name)) return " (it belongs to " + other.owner + ")";
  }
  return {};
}

/// The names one level below `prefix` ("" or "http."): keys and sections.
std::vector<std::string> SectionReader::names_below(const std::string& prefix) const {
  std::vector<std::string> names;
  for (const Key& key : *table_) {
    if (!key.path.starts_with(prefix)) continue;
    std::string name = key.path.substr(prefix.size());
    name = name.substr(0, name.find('.'));
    if (!has(names, name)) names.push_back(std::move(name));
  }
  return names;
}

void check_http(SectionReader& reader) {
  const HttpSection& http = reader.draft().serve.http;
  if (http.tls.certificate.empty() != http.tls.key.empty()) {
    const bool no_key = http.tls.key.empty();
    reader.report({no_key ? "http.tls.certificate" : "http.tls.key"},
                  no_key ? "a certificate without a key" : "a key without a certificate",
                  "http.tls.certificate and http.tls.key together");
  }
  const bool loopback = http.address == "localhost" || http.address == "::1" || http.address.starts_with("127.");
  const bool keys_given = !http.api_keys.empty() || !http.api_key_file.empty();
  if (!loopback && !http.allow_insecure && (!keys_given || http.tls.key.empty())) {
    reader.report({"http.address"},
                  http.address + " is not loopback, and there is no " +
                      (keys_given             ? "TLS"
                       : http.tls.key.empty() ? "API key and no TLS"
                                              : "API key"),
                  "127.0.0.1; or http.api_keys and http.tls; or, on an isolated network, http.allow_insecure: true");
  }
  if (http.limits.body_bytes > http.limits.total_body_bytes ||
      http.limits.chat_body_bytes > http.limits.total_body_bytes) {
    reader.report({"http.limits.total_body_bytes", "http.limits.chat_body_bytes", "http.limits.body_bytes"},
                  "http.limits.total_body_bytes is under the size of one body",
                  "at least http.limits.body_bytes and http.limits.chat_body_bytes");
  }
  if (http.limits.connections_per_peer > http.limits.connections) {
    reader.report({"http.limits.connections_per_peer", "http.limits.connections"},
                  "http.limits.connections_per_peer is over http.limits.connections",
                  "at most " + std::to_string(http.limits.connections));
  }
}

void check_scheduling(SectionReader& reader) {
  SchedulingSection& scheduling = reader.draft().serve.scheduling;
  if (scheduling.prompt_tokens_beside_decodes > scheduling.max_batch_tokens) {
    if (!reader.given("scheduling.prompt_tokens_beside_decodes")) {
      scheduling.prompt_tokens_beside_decodes = scheduling.max_batch_tokens;
    } else {
      reader.report({"scheduling.prompt_tokens_beside_decodes"},
                    "scheduling.prompt_tokens_beside_decodes is over scheduling.max_batch_tokens",
                    "at most " + std::to_string(scheduling.max_batch_tokens));
    }
  }
}

void check_roles(SectionReader& reader) {
  const RolesSection& roles = reader.draft().roles;
  if (roles.low_percent >= roles.high_percent) {
    reader.report({"roles.low_percent", "roles.high_percent"},
                  "roles.low_percent is not under roles.high_percent: machines would move to and fro",
                  "roles.low_percent under " + std::to_string(roles.high_percent));
  }
  if (roles.interval > roles.hold) {
    reader.report({"roles.interval", "roles.hold"}, "roles.interval is over roles.hold: one look would decide",
                  "roles.interval of at most " + show_duration(roles.hold));
  }
}

}  // namespace troupe::config
