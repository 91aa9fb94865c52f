// How the nodes of a cluster reach each other, as POST /troupe/doctor shows it.
#pragma once

#include <string>
#include <vector>

#include "actors/messages/cluster.hpp"
#include "tools/troupe/doctor_findings.hpp"

namespace troupe {

/// {"nodes": [{node, problem, paths: [{peer, transport, why, problem, round_trip_us, bytes_per_second, bytes, heard_ms,
/// clock_ahead_us, clock_error_us}]}]}; what was not measured is null.
std::string paths_json(const std::vector<NodePaths>& nodes);

/// What that means, one finding for each node that is away and each way between two; kInvalidInput for what is none of
/// ours.
Result<std::vector<Finding>> judge_paths(const std::string& json);

}  // namespace troupe
