// `troupe run`: one answer, or a chat, in the terminal. No HTTP is served.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>

#include <CLI/CLI.hpp>

#include "tools/troupe/chat.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/line_reader.hpp"
#include "tools/troupe/node.hpp"
#include "tools/troupe/progress.hpp"
#include "tools/troupe/serve_flags.hpp"
#include "tools/troupe/stop_signals.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe run models/smollm2-135m-instruct \"Why is the sky blue?\"\n"
    "  troupe run models/smollm2-135m-instruct            # a chat; Ctrl-C stops an answer, Ctrl-D ends\n"
    "  troupe run models/smollm2-135m-instruct < question.txt\n"
    "  troupe run models/smollm2-135m-instruct --temperature 0 --max-tokens 100 \"Count to ten.\"\n"
    "  troupe run some/base-model --raw \"Once upon a time\"";

struct RunFlags {
  std::shared_ptr<ServeFlags> serve;
  std::optional<std::string> prompt;
  std::string system;
  ChatSampling sampling;
  bool raw = false;
  bool stats = false;
};

/// Writes text to stdout as it comes and keeps it. A stdout that is gone stops the answer.
class AnswerPrinter {
 public:
  void take(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) broken_ = true;
    answer_.append(text);
  }
  bool broken() const { return broken_; }
  const std::string& answer() const { return answer_; }

 private:
  std::string answer_;
  std::atomic<bool> broken_ = false;
};

double seconds_of(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

void print_stats(const AskSummary& summary) {
  const double first = seconds_of(summary.to_first_token);
  const double rest = seconds_of(summary.total) - first;
  std::fprintf(stderr, "[%d prompt tokens, first token after %.0f ms; %d tokens", summary.prompt_tokens, first * 1e3,
               summary.generated_tokens);
  if (summary.generated_tokens > 1 && rest > 0)
    std::fprintf(stderr, ", %.1f tokens/s", (summary.generated_tokens - 1) / rest);
  std::fprintf(stderr, "; %s]\n", summary.finish_reason.c_str());
}

/// Streams the answer to `body`. Ctrl-C stops it: then the summary says "abort", or the error kCancelled.
Result<AskSummary> stream_answer(Node& node, const std::string& body, AnswerPrinter& printer) {
  clear_stop_request();
  auto summary = node.ask(
      body, [&printer](std::string_view text) { printer.take(text); },
      [&printer] { return stop_requested() || printer.broken(); });
  std::fputs("\n", stdout);
  std::fflush(stdout);
  return summary;
}

int answer_once(Node& node, const RunFlags& flags, const Chat& chat, const std::string& prompt) {
  auto body = flags.raw ? chat.complete(prompt) : chat.ask(prompt);
  if (!body.ok()) return fail(body.error());
  AnswerPrinter printer;
  auto summary = stream_answer(node, *body, printer);
  if (stop_requested()) return kExitInterrupted;
  if (!summary.ok()) return fail(summary.error());
  if (flags.stats) print_stats(*summary);
  return kExitOk;
}

/// One line of the chat; a failure is told and the chat goes on.
void answer_in_chat(Node& node, const RunFlags& flags, Chat& chat, const std::string& question) {
  auto body = flags.raw ? chat.complete(question) : chat.ask(question);
  if (!body.ok()) {
    fail(body.error());
    return;
  }
  AnswerPrinter printer;
  auto summary = stream_answer(node, *body, printer);
  if (stop_requested()) {
    std::cerr << "[stopped]" << std::endl;
  } else if (!summary.ok()) {
    fail(summary.error());
    std::cerr << "(/clear forgets what was said so far.)" << std::endl;
    return;
  } else if (flags.stats) {
    print_stats(*summary);
  }
  if (!flags.raw) chat.remember(question, printer.answer());
}

int converse(Node& node, const RunFlags& flags, Chat& chat) {
  std::cerr << node.banner()
            << "\nAsk away. /clear forgets what was said, Ctrl-C stops an answer, Ctrl-D or /exit ends.\n";
  LineReader input(STDIN_FILENO);
  for (;;) {
    std::cerr << "\n> " << std::flush;
    clear_stop_request();
    std::string line;
    switch (input.next(line)) {
      case LineReader::Outcome::kEnd:
        std::cerr << std::endl;
        return kExitOk;
      case LineReader::Outcome::kInterrupted:
        std::cerr << "\n(Ctrl-D or /exit ends.)";
        continue;
      case LineReader::Outcome::kTooLong:
        std::cerr << "That line is too long; nothing was asked.";
        continue;
      case LineReader::Outcome::kLine:
        break;
    }
    if (line == "/exit" || line == "/quit" || line == "/bye") return kExitOk;
    if (line == "/clear") {
      chat.clear();
      std::cerr << "Forgotten.";
    } else if (line.find_first_not_of(" \t\r") != std::string::npos) {
      answer_in_chat(node, flags, chat, line);
    }
  }
}

int run(const RunFlags& flags) {
  handle_stop_signals(OnSignal::kEnd);
  std::optional<std::string> prompt = flags.prompt;
  if (!prompt && ::isatty(STDIN_FILENO) != 1) {
    std::string text;
    if (LineReader(STDIN_FILENO).rest(text) == LineReader::Outcome::kTooLong) {
      return fail({ErrorCode::kTooLarge, "The prompt on standard input is over 4 MiB."});
    }
    prompt = std::move(text);
  }
  Chat chat(flags.sampling);
  if (auto set = chat.set_system(flags.system); !set.ok()) return fail(set.error());
  auto settings = load_settings(*flags.serve);
  if (!settings.ok()) return fail(settings.error());
  Progress progress;
  NodeOptions options;
  options.config = std::move(settings->config);
  options.http = false;
  options.progress = [&progress](std::string_view stage, double done) { progress.show(stage, done); };
  auto node = Node::start(std::move(options));
  progress.finish();
  if (!node.ok()) return fail(node.error());
  handle_stop_signals(OnSignal::kInterrupt);
  const int code = prompt ? answer_once(**node, flags, chat, *prompt) : converse(**node, flags, chat);
  node->reset();
  return code;
}

}  // namespace

void add_run(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("run", "Ask a model in the terminal: one answer, or a chat.");
  command->footer(kExamples);
  auto flags = std::make_shared<RunFlags>();
  flags->serve = add_serve_flags(*command);
  command->add_option("MODEL", flags->serve->model, "Directory of a Hugging Face checkpoint.")->type_name("");
  command->add_option("PROMPT", flags->prompt, "What to ask; without it, standard input, or on a terminal a chat.")
      ->type_name("");
  command->add_option("--system", flags->system, "A system message to begin with.")->type_name("TEXT");
  command->add_option("--temperature", flags->sampling.temperature,
                      "0 takes the likeliest token; default: the model's.");
  command->add_option("--top-p", flags->sampling.top_p, "Draw from the likeliest tokens that make up this part.");
  command->add_option("--seed", flags->sampling.seed, "The same seed gives the same answer.");
  command->add_option("--max-tokens", flags->sampling.max_tokens, "Longest answer in tokens.");
  command->add_flag("--raw", flags->raw, "Continue the prompt as it is, without the chat template: for base models.");
  command->add_flag("--stats", flags->stats, "Print tokens and times after each answer.");
  command->callback([flags, &chosen] { chosen = [flags] { return run(*flags); }; });
}

}  // namespace troupe
