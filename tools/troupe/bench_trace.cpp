#include "tools/troupe/bench_trace.hpp"

#include <chrono>

#include "runtime/workload/read_trace.hpp"

namespace troupe {

Result<std::vector<TraceRequest>> parse_trace(std::string_view text, std::size_t most_rows) {
  TRY(load, workload::read_trace(text, most_rows));
  std::vector<TraceRequest> out;
  out.reserve(load.size());
  for (auto& arrival : load)
    out.push_back({std::chrono::duration<double>(arrival.at - load.front().at).count(),
                   static_cast<std::uint32_t>(arrival.prompt_tokens), static_cast<std::uint32_t>(arrival.output_tokens),
                   std::move(arrival.hash_ids)});
  return out;
}

}  // namespace troupe
