// Tells systemd (Type=notify) how the service is: sd_notify's protocol, one datagram to the socket that NOTIFY_SOCKET
// names.
#pragma once

#include <string>

namespace troupe {

/// Sends e.g. "READY=1" or "STOPPING=1". False where there is no service manager or it cannot be reached: never an
/// error.
bool notify_service_manager(const std::string& state);

}  // namespace troupe
