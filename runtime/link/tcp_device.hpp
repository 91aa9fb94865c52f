// Which network device an address of this host belongs to: UCX is told devices, configurations name addresses.
#pragma once

#include <string>

#include "runtime/base/result.hpp"

namespace troupe::link {

/// "lo" for every loopback address. kConfig where the address is none of this host, or where UCX, which listens on the
/// first address of a device, would listen on another.
Result<std::string> tcp_device_of(const std::string& address);

}  // namespace troupe::link
