// Addresses that only this host can reach. Internal to runtime/config.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::config {

/// The address in its one spelling ("localhost" is "127.0.0.1"); nothing where it is no loopback address. Names other
/// than localhost are not resolved, and so are none.
std::optional<std::string> loopback_address(std::string_view text);

}  // namespace troupe::config
