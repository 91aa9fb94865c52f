// SIGINT and SIGTERM as something to wait for or to ask about. One process has one set of handlers: everything here is
// static.
#pragma once

namespace troupe {

/// What a signal does.
enum class OnSignal {
  kEnd,   ///< ends the process at once: while loading, when nothing is owed to anybody
  kStop,  ///< is counted for stop_requested() and wait_for_stop(); an interrupt after the first signal ends the process
          ///< at once
  kInterrupt  ///< SIGINT is counted for stop_requested(), however often; SIGTERM ends the process
};

/// Installs the handlers, or changes what they do and forgets what was counted. SIGPIPE is ignored from then on: a peer
/// or terminal that goes away is an error where it is written to.
void handle_stop_signals(OnSignal mode);

/// Whether a signal came since handle_stop_signals() or clear_stop_request().
bool stop_requested();
void clear_stop_request();

/// Blocks until a signal has come.
void wait_for_stop();

/// For poll(): readable from the moment a signal came until clear_stop_request(). Call handle_stop_signals() first.
int stop_fd();

}  // namespace troupe
