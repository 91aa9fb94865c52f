// `troupe profile`: how long steps of a model take on this machine, as a file that `troupe simulate` reads.
#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "runtime/clock/wall_clock.hpp"
#include "runtime/device/cpu_device.hpp"
#include "runtime/perf/recorded.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/model_text.hpp"
#include "tools/troupe/node_settings.hpp"
#include "tools/troupe/progress.hpp"
#include "tools/troupe/serve_flags.hpp"
#include "tools/troupe/step_profiler.hpp"
#include "tools/troupe/stop_signals.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe profile models/smollm2-135m-instruct --out here.yaml\n"
    "  troupe profile models/smollm2-135m-instruct --device-threads 1 --name one-core --out here.yaml\n"
    "  troupe simulate --hardware here.yaml --machines prompt:this-host,token:this-host \\\n"
    "      --model smollm2-135m-instruct --policy splitwise --trace trace.csv";

struct ProfileFlags {
  std::shared_ptr<ServeFlags> serve;
  std::string out;
  std::string name = "this-host";
  double power_w = 0;
  double price_per_hour = 0;
  bool quick = false;
  StepProfileOptions steps;
};

/// Bytes that one core copies in a second: an upper end for what a link between two processes of this host carries.
double copied_bytes_per_s() {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  const std::vector<std::byte> from(kBytes, std::byte{1});
  std::vector<std::byte> to(kBytes, std::byte{2});
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const auto start = clock::steady_now();
    std::memcpy(to.data(), from.data(), kBytes);
    best = std::max(best, kBytes / std::chrono::duration<double>(clock::steady_now() - start).count());
  }
  return best;
}

std::string model_name(const config::Loaded& settings) {
  const auto path = std::filesystem::weakly_canonical(settings.config.model.path);
  std::string name = path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.') c = '_';
  return name.substr(0, 64);
}

perf::ModelShape shape_of(const std::string& name, const model::Checkpoint& checkpoint,
                          const device::DeviceInfo& info) {
  const auto& config = checkpoint.config();
  perf::ModelShape shape;
  shape.name = name;
  shape.layers = static_cast<std::int32_t>(config.layers);
  // As KV is counted: the heads' sizes, which the hidden size need not be.
  shape.hidden = static_cast<std::int32_t>(config.q_size());
  shape.heads = static_cast<std::int32_t>(config.heads);
  shape.kv_heads = static_cast<std::int32_t>(config.kv_heads);
  shape.weight_bytes = static_cast<std::int64_t>(info.weight_bytes);
  shape.parameters = static_cast<double>(checkpoint.parameters());
  shape.kv_bits = static_cast<std::int32_t>(8 * kernels::bytes_of(info.kv.dtype));
  return shape;
}

Result<void> profile(const ProfileFlags& flags) {
  TRY(settings, load_settings(*flags.serve));
  TRY(checkpoint, model::Checkpoint::open(settings.config.model.path));
  TRY(options, device_options(settings.config, checkpoint));
  Progress progress;
  TRY(device, device::CpuDevice::load(checkpoint, options, [&](double done) { progress.show("loading", done); }));
  auto steps = flags.steps;
  if (flags.quick) steps = {.longest_prompt = 256, .most_decodes = 8, .longest_context = 256, .seconds_a_point = 0.05};
  handle_stop_signals(OnSignal::kStop);
  auto measured = profile_steps(*device, steps, [&](double done) {
    progress.show("measuring", done);
    return !stop_requested();
  });
  progress.finish();
  if (stop_requested()) return Error{ErrorCode::kCancelled, "stopped before all was measured; nothing was written."};
  TRY_VOID(perf::RecordedModel::fit(measured.points));
  const auto& info = device->info();
  const auto shape = shape_of(model_name(settings), checkpoint, info);
  perf::Hardware hardware;
  hardware.name = flags.name;
  hardware.memory_bytes = static_cast<std::int64_t>(info.weight_bytes + info.kv.slab_bytes());
  hardware.link_bytes_per_s = copied_bytes_per_s();
  hardware.power_w = flags.power_w;
  hardware.price_per_hour = flags.price_per_hour;
  hardware.recorded[shape.name] = std::move(measured.points);
  hardware.jitter = std::move(measured.jitter);
  const std::string file =
      "# Written by troupe profile: " + info.name +
      ". Each recorded step is\n# [model, prompt tokens, positions before them, decodes, positions "
      "that these attend to, seconds]; jitter is what runs of one kind took over their median.\nhardware:\n" +
      perf::to_yaml(hardware) + "models:\n" + perf::to_yaml(shape);
  if (flags.out.empty()) {
    std::cout << file;
    return {};
  }
  std::ofstream out(flags.out, std::ios::binary | std::ios::trunc);
  out << file;
  out.flush();
  if (!out) return Error{ErrorCode::kInvalidInput, flags.out + ": cannot be written; is its folder there?"};
  std::cerr << "wrote " << flags.out << ". Try: troupe simulate --hardware " << flags.out
            << " --machines mixed:" << flags.name << " --model " << shape.name << " --policy splitwise --trace TRACE\n";
  return {};
}

}  // namespace

void add_profile(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("profile", "Measure a model's step times here, for troupe simulate.");
  command->footer(kExamples);
  auto flags = std::make_shared<ProfileFlags>();
  flags->serve = add_serve_flags(*command);
  command->add_option("MODEL", flags->serve->model, "Directory of a Hugging Face checkpoint.")->type_name("");
  command->add_option("--out", flags->out, "Write to this file instead of stdout.")->type_name("FILE");
  command->add_option("--name", flags->name, "What simulations call this machine.")
      ->type_name("NAME")
      ->check(CLI::Validator(
          [](std::string& name) {
            const bool good = !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
              return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
            });
            return good ? std::string() : "expected 1 to 64 letters, digits, \"-\", \".\" and \"_\"";
          },
          "NAME"))
      ->capture_default_str();
  command->add_option("--power-w", flags->power_w, "Its power, for energy figures.")->check(CLI::Range(0.0, 1e6));
  command->add_option("--price-per-hour", flags->price_per_hour, "Its price.")->check(CLI::Range(0.0, 1e6));
  command->add_option("--longest-prompt", flags->steps.longest_prompt, "Prompt tokens of the longest step measured.")
      ->check(CLI::Range(1, 2048))
      ->capture_default_str();
  command->add_option("--most-decodes", flags->steps.most_decodes, "Sequences of the largest batch measured.")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--seconds-a-step", flags->steps.seconds_a_point, "How long each kind of step is measured.")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  command
      ->add_flag("--quick", flags->quick,
                 "Fewer and shorter measurements: seconds instead of minutes; in place of the three above.")
      ->excludes("--longest-prompt", "--most-decodes", "--seconds-a-step");
  command->callback([flags, &chosen] {
    chosen = [flags] {
      const auto done = profile(*flags);
      return done.ok() ? static_cast<int>(kExitOk) : fail(done.error());
    };
  });
}

}  // namespace troupe
