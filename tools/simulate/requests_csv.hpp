// The table with a row a request.
#pragma once

#include <ostream>

#include "runtime/simulation/outcome.hpp"

namespace troupe::simulate {

/// Header
/// id,arrival_s,prompt_tokens,output_tokens,queue_s,ttft_s,e2e_s,second_token_gap_s,prompt_machine,token_machine,
/// status; times in seconds with nine decimals. What a request did not reach is an empty field.
void write_requests_csv(std::ostream& out, const simulation::SimulationOutcome& outcome);

}  // namespace troupe::simulate
