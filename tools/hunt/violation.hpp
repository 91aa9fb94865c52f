// An invariant that did not hold.
#pragma once

#include <string>

#include "runtime/base/ids.hpp"

namespace troupe::hunt {

struct Violation {
  std::string invariant;  ///< "S1" to "S10", "L1", "L2" (invariants.hpp)
  std::string what;       ///< a sentence that names the request and the node
  RequestId request{};    ///< 0: about no single request
};

}  // namespace troupe::hunt
