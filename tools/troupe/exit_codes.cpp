#include "tools/troupe/exit_codes.hpp"

#include <iostream>

namespace troupe {

ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidInput:
    case ErrorCode::kUnsupported:
    case ErrorCode::kTooLarge:
      return kExitData;
    case ErrorCode::kMissingInput:
      return kExitNoInput;
    case ErrorCode::kConfig:
      return kExitConfig;
    case ErrorCode::kOverloaded:
    case ErrorCode::kDeadline:
      return kExitTemporary;
    case ErrorCode::kUnavailable:
      return kExitUnavailable;
    case ErrorCode::kCancelled:
      return kExitInterrupted;
    case ErrorCode::kInternal:
      return kExitInternal;
  }
  return kExitInternal;
}

int fail(const Error& error) {
  // A configuration's mistakes come as file:line:column, one below the other, for editors to jump to.
  std::cerr << (error.code == ErrorCode::kConfig ? "" : "troupe: ") << error.message << std::endl;
  return exit_code_of(error.code);
}

}  // namespace troupe
