#include "runtime/base/layerwise.hpp"

#include <limits>

namespace troupe {

double layerwise_bytes(std::chrono::nanoseconds round_trip, double bytes_per_s, std::int32_t groups) {
  if (groups < 2) return std::numeric_limits<double>::infinity();
  const double messages_s = groups * std::chrono::duration<double>(round_trip / 2 + kGroupHandling).count();
  const double hidden_share = 1.0 - 1.0 / groups;
  return messages_s * bytes_per_s / hidden_share;
}

}  // namespace troupe
