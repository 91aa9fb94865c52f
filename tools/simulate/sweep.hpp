// Many runs, side by side in processes of their own: what to vary, what each run came to, and where the knee is.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "tools/simulate/summary.hpp"

namespace troupe::simulate {

/// Most runs of one sweep.
inline constexpr std::size_t kMostRuns = 10'000;

/// What --sweep asks for: "rate=50:250:10", "prompt_machines=20:35:5" (begin, end, step; the end is included), or a
/// single value.
struct SweepAxis {
  enum class Kind : std::uint8_t {
    kRate,            ///< requests/s of the load
    kPromptMachines,  ///< of all machines so many are prompt machines, the others token machines
  };
  Kind kind = Kind::kRate;
  std::vector<double> values;
};

/// kInvalidInput says what was wrong, and with the nearest word.
Result<SweepAxis> parse_sweep(std::string_view text);

/// The plan's machines with `prompt` prompt machines, its total kept. kInvalidInput unless they are one prompt and one
/// token group, or where one would be empty.
Result<std::vector<MachineGroup>> with_prompt_machines(std::vector<MachineGroup> machines, std::int32_t prompt);

/// What a table shows of one run. Plain numbers: they come from the run's process as bytes.
struct SweepFigures {
  bool attained = false;  ///< all SLOs hold
  std::size_t slos_held = 0;
  double within = 0, offered_per_s = 0, good_per_s = 0, finished_per_s = 0;
  double ttft_p90 = 0, tbt_p90 = 0, e2e_p90 = 0;  ///< seconds
  std::size_t requests = 0, finished = 0;
};

/// One run of a sweep.
struct SweepPoint {
  std::string machines;
  double rate = 0;
  SweepFigures figures;
};

SweepFigures sweep_figures(const Summary& summary);

/// Runs `run` for each place below `count`, each in a process of its own, `at_once` at a time; the answers in order.
/// The first error ends the sweep and its processes. Call it before this process has threads.
Result<std::vector<SweepFigures>> run_in_processes(std::size_t count, std::size_t at_once,
                                                   const std::function<Result<SweepFigures>(std::size_t)>& run,
                                                   const std::function<void(std::size_t done)>& show);

/// The highest rate up to which every run of these machines attained its SLOs; none where the lowest did not.
std::optional<double> knee(const std::vector<SweepPoint>& points, const std::string& machines);

std::string sweep_text(const std::vector<SweepPoint>& points);
std::string sweep_json(const std::vector<SweepPoint>& points);

}  // namespace troupe::simulate
