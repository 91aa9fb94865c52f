#include "tools/troupe/help.hpp"

#include <algorithm>

#include "runtime/base/did_you_mean.hpp"

namespace troupe {
namespace {

std::vector<std::string> subcommand_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string shown(const std::string& word) { return '"' + word.substr(0, 80) + '"'; }

}  // namespace

std::string ExamplesFirst::make_description(const CLI::App* app) const {
  std::string out = app->get_description() + "\n";
  if (!app->get_footer().empty()) out += "\n" + app->get_footer() + "\n\n";
  return out;
}

std::string ExamplesFirst::make_footer(const CLI::App*) const { return {}; }

std::string usage_message(const CLI::App& app, const std::vector<std::string>& arguments, const std::string& refusal) {
  const std::vector<std::string> names = subcommand_names(app);
  const CLI::App* given = &app;
  std::size_t from = 0;
  for (; from < arguments.size(); ++from) {
    const std::string& word = arguments[from];
    if (word.starts_with("-")) continue;
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      std::string list;
      for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
      return "there is no command " + shown(word) + did_you_mean(word, names) + ". Commands: " + list + ".";
    }
    given = app.get_subcommand(word);
    break;
  }
  const std::vector<std::string> flags = flag_names(*given);
  for (const std::string& word : arguments) {
    if (word == "--") break;
    if (!word.starts_with("--")) continue;
    const std::string flag = word.substr(0, word.find('='));
    if (std::find(flags.begin(), flags.end(), flag) != flags.end()) continue;
    return "there is no flag " + shown(flag) + did_you_mean(flag, flags) + ". See troupe " +
           (given == &app ? "" : given->get_name() + " ") + "--help.";
  }
  return refusal;
}

}  // namespace troupe
