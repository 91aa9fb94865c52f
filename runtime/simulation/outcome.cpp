#include "runtime/simulation/outcome.hpp"

namespace troupe::simulation {

const char* to_string(RequestStatus status) {
  switch (status) {
    case RequestStatus::kFinished:
      return "finished";
    case RequestStatus::kUnfinished:
      return "unfinished";
    case RequestStatus::kRefused:
      return "refused";
    case RequestStatus::kFailed:
      return "failed";
  }
  return "?";
}

}  // namespace troupe::simulation
