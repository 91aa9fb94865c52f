// How the command ends: the codes of sysexits.h, which service managers and scripts can act on.
#pragma once

#include "runtime/base/result.hpp"

namespace troupe {

enum ExitCode : int {
  kExitOk = 0,
  kExitUsage = 64,        ///< the command line is wrong
  kExitData = 65,         ///< a checkpoint, tokenizer, prompt or answer is not what it should be
  kExitNoInput = 66,      ///< a file or directory that was named does not exist
  kExitUnavailable = 69,  ///< no server answers, or the device is gone
  kExitInternal = 70,     ///< a failure of Troupe's own
  kExitTemporary = 75,    ///< the drain timed out and cut requests, or the server is overloaded: try again
  kExitConfig = 78,       ///< a configuration is wrong: restarting does not help
  kExitInterrupted = 130  ///< Ctrl-C
};

ExitCode exit_code_of(ErrorCode code);

/// Writes "troupe: <message>" to stderr and returns the exit code that goes with it.
int fail(const Error& error);

}  // namespace troupe
