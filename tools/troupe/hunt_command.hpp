// `troupe simulate --faults`: the fault hunt over many seeds, and the replay of one.
#pragma once

#include <cstdint>
#include <optional>

namespace CLI {
class App;
}

namespace troupe {

struct HuntOptions {
  std::uint64_t seeds = 1000;
  std::uint64_t first_seed = 1;
  std::optional<std::uint64_t> seed;  ///< this one alone, told as it goes
  bool faults = true;                 ///< false: the same load, undisturbed
  bool coverage = false;              ///< say which faults and rare situations came about, and which never did
  int jobs = 0;                       ///< processes; 0: one a processor
  bool trace_messages = false;        ///< of `seed`: its messages in words
  std::uint64_t last_messages = 200;  ///< of those; 0: all
};

/// Adds --seeds, --first-seed, --faults, --coverage, --trace-messages and --last-messages to a command, which has
/// --seed and --jobs already. `options` outlives it.
void add_hunt_flags(CLI::App& command, HuntOptions& options);

/// Runs the hunt in processes of its own, so that a CHECK that fails there is one more way for a seed to fail. Writes
/// progress to stderr and what came of it to stdout. Returns the exit code: kExitOk where every invariant held,
/// kExitInternal where one did not, kExitUsage for options that make no sense.
int hunt_faults(const HuntOptions& options);

}  // namespace troupe
