// Whether a server could listen somewhere, found without listening: for `troupe doctor`.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/base/result.hpp"

namespace troupe::http {

/// Nothing listens at `address` (an IP address, or localhost) and `port`, and this process may. Errors: kUnavailable
/// where somebody listens there, kConfig for an address that this host does not have, kUnsupported where the system
/// does not let this process.
Result<void> can_listen(const std::string& address, std::uint16_t port);

}  // namespace troupe::http
