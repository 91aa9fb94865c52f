#include "tools/simulate/requests_csv.hpp"

#include <cstdio>
#include <string>

namespace troupe::simulate {
namespace {

/// Over 0 by rounding or below it by rounding: a time is never "-0.000000000".
void add_seconds(std::string& line, double seconds, bool reached) {
  line += ',';
  if (!reached) return;
  char text[40];
  std::snprintf(text, sizeof text, "%.9f", seconds < 1e-10 && seconds > -1e-10 ? 0.0 : seconds);
  line += text;
}

void add_machine(std::string& line, std::int32_t machine, const simulation::SimulationOutcome& outcome) {
  line += ',';
  if (machine >= 0) line += outcome.machines[static_cast<std::size_t>(machine)].name;
}

}  // namespace

void write_requests_csv(std::ostream& out, const simulation::SimulationOutcome& outcome) {
  out << "id,arrival_s,prompt_tokens,output_tokens,queue_s,ttft_s,e2e_s,second_token_gap_s,prompt_machine,"
         "token_machine,status\n";
  std::string line;
  for (const auto& request : outcome.requests) {
    line = std::to_string(request.id);
    add_seconds(line, request.arrival_s, true);
    line += ',' + std::to_string(request.prompt_tokens) + ',' + std::to_string(request.output_tokens);
    add_seconds(line, request.queue_s, request.queue_s >= 0);
    add_seconds(line, request.ttft_s, request.ttft_s >= 0);
    add_seconds(line, request.e2e_s, request.e2e_s >= 0);
    add_seconds(line, request.second_token_gap_s, request.e2e_s >= 0);
    add_machine(line, request.prompt_machine, outcome);
    add_machine(line, request.token_machine, outcome);
    line += ',';
    line += simulation::to_string(request.status);
    line += '\n';
    out << line;
  }
}

}  // namespace troupe::simulate
