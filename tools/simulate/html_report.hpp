// A run, or a sweep, as one HTML file that needs nothing beside it: no script, no font, no other file.
#pragma once

#include <string>
#include <vector>

#include "runtime/simulation/outcome.hpp"
#include "tools/simulate/summary.hpp"
#include "tools/simulate/sweep.hpp"

namespace troupe::simulate {

/// `command` is what was asked for, shown so that it can be asked again.
std::string html_report(const Summary& summary, const simulation::SimulationOutcome& outcome,
                        const std::string& command);

std::string html_sweep(const std::vector<SweepPoint>& points, const std::string& command);

}  // namespace troupe::simulate
