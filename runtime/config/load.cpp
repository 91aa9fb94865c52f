#include "runtime/config/load.hpp"

#include <unistd.h>

#include <algorithm>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/file.hpp"
#include "runtime/config/document.hpp"
#include "runtime/config/keys.hpp"
#include "runtime/config/problems.hpp"
#include "runtime/config/section_reader.hpp"
#include "runtime/config/values.hpp"

namespace troupe::config {
namespace {

std::vector<std::string> environment_names() {
  std::vector<std::string> names;
  for (const Key& key : keys()) names.push_back(environment_name(key.path));
  return names;
}

std::vector<std::string> sections() {
  std::vector<std::string> names;
  for (const Key& key : keys()) {
    std::string name = key.path.substr(0, key.path.find('.'));
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  return names;
}

/// What no single key can tell.
void check_together(SectionReader& reader, const Sources& sources) {
  if (sources.require_model && reader.draft().serve.model.path.empty()) {
    const Place start = sources.file.empty() ? Place{} : Place{1, 1, 1};
    reader.problems().add(start, "model.path is missing",
                          "the directory of a Hugging Face checkpoint, under model: path:");
  }
  check_http(reader);
  check_scheduling(reader);
}

Loaded finish(SectionReader& reader) {
  Loaded loaded;
  const Draft defaults;
  for (const Key& key : keys()) {
    loaded.settings.push_back(
        {key.path, show_value(key, reader.draft()), reader.source_of(key.path), show_value(key, defaults), key.help});
  }
  loaded.config = std::move(reader.draft().serve);
  return loaded;
}

}  // namespace

Result<Loaded> load(const Sources& sources) {
  std::string text;
  if (!sources.file.empty()) {
    auto read = read_file(sources.file, kMostFileBytes);
    if (!read.ok() && read.error().code == ErrorCode::kTooLarge) return file_too_large(sources.file);
    if (!read.ok()) return std::move(read).error();
    text = std::move(read).value();
  }
  Problems problems(sources.file.empty() ? "configuration" : sources.file, text);
  SectionReader reader(problems, sources.file, keys());
  if (!sources.file.empty()) {
    const std::optional<Node> root = parse_document(text, problems);
    if (!root) return problems.error();
    if (root->kind != Node::Kind::kMapping) {
      problems.add(root->place, "a configuration cannot be " + root->described(), "sections: " + one_of(sections()));
      return problems.error();
    }
    if (is_cluster(*root)) {
      problems.add({1, 1, 1}, "this is a cluster's file", "a server's file here; troupe up starts a cluster");
      return problems.error();
    }
    reader.read(*root);
  }
  std::vector<std::string> notes;
  const std::vector<std::string> variables = environment_names();
  for (const auto& [name, value] : sources.environment) {
    const auto found = std::find(variables.begin(), variables.end(), name);
    if (found != variables.end()) {
      reader.take(keys()[static_cast<std::size_t>(found - variables.begin())].path, value, name);
    } else if (name.starts_with("TROUPE_")) {
      const std::string near = did_you_mean(name, variables);
      if (!near.empty())
        notes.push_back("the environment variable " + name + " is no setting and is passed over" + near);
    }
  }
  for (const FlagValue& flag : sources.flags) reader.take(flag.key, flag.value, flag.flag);
  if (problems.empty()) check_together(reader, sources);
  if (!problems.empty()) return problems.error();
  Loaded loaded = finish(reader);
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
