// `troupe serve`: a node that serves until it is told to stop.
#include <chrono>
#include <iostream>

#include <CLI/CLI.hpp>

#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/node.hpp"
#include "tools/troupe/progress.hpp"
#include "tools/troupe/serve_flags.hpp"
#include "tools/troupe/service_manager.hpp"
#include "tools/troupe/stop_signals.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe serve models/smollm2-135m-instruct\n"
    "  troupe serve models/smollm2-135m-instruct --port 9000 --kv-memory 2GiB --device-threads 4\n"
    "  troupe serve --config cluster_configs/serve.yaml --set scheduling.max_running=64\n"
    "\n"
    "  curl http://127.0.0.1:8000/v1/chat/completions -H 'content-type: application/json' \\\n"
    "    -d '{\"model\": \"smollm2-135m-instruct\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}'\n"
    "\n"
    "SIGTERM or Ctrl-C drains: readiness says no, admitted requests finish (shutdown.drain_timeout), exit code 0,\n"
    "or 75 when some were cut. A second Ctrl-C quits at once.";

std::string seconds(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

int drain(Node& node, std::chrono::milliseconds deadline) {
  notify_service_manager("STOPPING=1");
  std::cerr << "troupe: draining: what was admitted may finish for " << seconds(deadline) << "; Ctrl-C quits at once."
            << std::endl;
  const std::size_t cut = node.drain(deadline);
  if (cut == 0) {
    std::cerr << "troupe: drained." << std::endl;
    return kExitOk;
  }
  std::cerr << "troupe: the drain timed out and cut " << cut << (cut == 1 ? " request" : " requests")
            << ". Give shutdown.drain_timeout more time." << std::endl;
  return kExitTemporary;
}

int serve(const ServeFlags& flags) {
  handle_stop_signals(OnSignal::kEnd);
  auto settings = load_settings(flags);
  if (!settings.ok()) return fail(settings.error());
  const auto deadline = settings->config.shutdown.drain_timeout;
  Progress progress;
  NodeOptions options;
  options.config = std::move(settings->config);
  options.progress = [&progress](std::string_view stage, double done) { progress.show(stage, done); };
  auto node = Node::start(std::move(options));
  progress.finish();
  if (!node.ok()) return fail(node.error());
  handle_stop_signals(OnSignal::kStop);
  const std::string url = (*node)->url();
  std::cout << (*node)->banner() << "\nListening on " << url << "   (OpenAI API: " << url << "/v1)\n"
            << "Next, in another terminal:  troupe status --url " << url << "\n"
            << "                            curl " << url << "/v1/models" << std::endl;
  notify_service_manager("READY=1");
  wait_for_stop();
  const int code = drain(**node, deadline);
  node->reset();
  return code;
}

}  // namespace

void add_serve(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("serve", "Serve a model through the OpenAI API.");
  command->footer(kExamples);
  auto flags = add_serve_flags(*command);
  command->add_option("MODEL", flags->model, "Directory of a Hugging Face checkpoint.")->type_name("");
  command->callback([flags, &chosen] { chosen = [flags] { return serve(*flags); }; });
}

}  // namespace troupe
