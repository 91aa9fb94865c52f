// What the operating system says about this process, for Prometheus' standard process_* metrics. Linux: from /proc.
#pragma once

#include <cstdint>
#include <string_view>

namespace troupe::metrics {

struct ProcessFigures {
  double cpu_seconds = 0;  ///< user and system, all threads
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
  double start_time_seconds = 0;  ///< since 1970
  double threads = 0;
};

/// A figure that cannot be read is 0.
ProcessFigures read_process_figures();

/// The fields of /proc/<pid>/stat that matter here; `boot_seconds` is when the machine started, since 1970. The
/// command's name, which may hold blanks and brackets, is passed over. All zero where the text is not such a line.
ProcessFigures parse_process_stat(std::string_view stat, double boot_seconds, double ticks_per_second,
                                  double page_bytes);

}  // namespace troupe::metrics
