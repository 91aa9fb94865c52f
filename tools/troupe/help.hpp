// Help that starts with examples, and a suggestion for a word that is nearly right.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace troupe {

/// Prints an app's footer (its examples) before its usage and options.
class ExamplesFirst final : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override;
  std::string make_footer(const CLI::App* app) const override;
};

/// What is wrong with a command line that CLI11 refused: its own words, or for an unknown flag or subcommand the
/// nearest one that exists.
std::string usage_message(const CLI::App& app, const std::vector<std::string>& arguments, const std::string& refusal);

}  // namespace troupe
