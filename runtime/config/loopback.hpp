// Addresses: which are IP addresses at all, and which only this host can reach. Internal to runtime/config.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::config {

/// The address in its one spelling ("localhost" is "127.0.0.1"); nothing where it is no loopback address. Names other
/// than localhost are not resolved, and so are none.
std::optional<std::string> loopback_address(std::string_view text);

/// Whether it is the address of one host, as a number: 10.0.0.5, fd00::5. No name, no 0.0.0.0, no ::, no zone.
bool is_host_address(std::string_view text);

}  // namespace troupe::config
