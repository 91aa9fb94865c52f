#include "runtime/base/result.hpp"

namespace troupe {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidInput:
      return "invalid input";
    case ErrorCode::kMissingInput:
      return "missing input";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kConfig:
      return "configuration";
    case ErrorCode::kTooLarge:
      return "too large";
    case ErrorCode::kOverloaded:
      return "overloaded";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kDeadline:
      return "deadline";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

}  // namespace troupe
