// What GET /troupe/status says, as text for a terminal.
#pragma once

#include <string>

#include "runtime/base/result.hpp"

namespace troupe {

/// `json` is the answer's body. kInvalidInput where it has not the shape {"nodes": [...], "machines": [...]}; single
/// fields that are missing show as "-".
Result<std::string> status_table(const std::string& json);

}  // namespace troupe
