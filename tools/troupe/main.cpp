// The `troupe` command: reads the command line and hands over to one subcommand.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/troupe/bench.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/help.hpp"
#include "tools/troupe/version.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe run models/smollm2-135m-instruct \"Why is the sky blue?\"\n"
    "  troupe run models/smollm2-135m-instruct            # a chat\n"
    "  troupe serve models/smollm2-135m-instruct          # the OpenAI API on http://127.0.0.1:8000/v1\n"
    "  troupe up cluster_configs/local.yaml               # a cluster of processes on this host, with the same API\n"
    "  troupe check models/smollm2-135m-instruct          # does it fit, and how much of it?\n"
    "  troupe status                                      # what a server is doing\n"
    "  troupe bench --url http://127.0.0.1:8000 --concurrency 8\n"
    "\n"
    "Exit codes: 0 ok, 64 usage, 65 bad data, 66 missing input, 69 unavailable, 70 internal,\n"
    "            75 drain timed out or overloaded (try again), 78 configuration, 130 interrupted";

int run(int argc, char** argv) {
  CLI::App app("Serves large language models as a company of actors.", "troupe");
  app.formatter(std::make_shared<ExamplesFirst>());
  app.footer(kExamples);
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", std::string("troupe ") + kVersion);
  std::function<int()> chosen;
  add_serve(app, chosen);
  add_node(app, chosen);
  add_up(app, chosen);
  add_run(app, chosen);
  add_check(app, chosen);
  add_certs(app, chosen);
  add_status(app, chosen);
  add_request(app, chosen);
  add_blocks(app, chosen);
  add_doctor(app, chosen);
  add_roles(app, chosen);
  add_drain(app, chosen);
  add_bench(app, chosen);
  add_simulate(app, chosen);
  add_schema(app, chosen);
  add_version(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& call) {
    return app.exit(call);
  } catch (const CLI::CallForAllHelp& call) {
    return app.exit(call);
  } catch (const CLI::CallForVersion& call) {
    return app.exit(call);
  } catch (const CLI::ParseError& error) {
    std::cerr << "troupe: " << usage_message(app, std::vector<std::string>(argv + 1, argv + argc), error.what())
              << std::endl;
    return kExitUsage;
  }
  if (!chosen) {
    std::cerr << app.help();
    return kExitUsage;
  }
  const int code = chosen();
  std::cout.flush();
  return code;
}

}  // namespace
}  // namespace troupe

int main(int argc, char** argv) {
  // CLI11 indexes argv[0].
  if (argc < 1) return troupe::kExitUsage;
  return troupe::run(argc, argv);
}
