#include "runtime/link/tcp_device.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

namespace troupe::link {
namespace {

std::string text_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address != nullptr && address->sa_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  if (address != nullptr && address->sa_family == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
  return text;
}

/// As inet_ntop would write it; empty where it is no address.
std::string normal(const std::string& address) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) return text_of(reinterpret_cast<const sockaddr*>(&v4));
  if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1)
    return text_of(reinterpret_cast<const sockaddr*>(&v6));
  return {};
}

}  // namespace

Result<std::string> tcp_device_of(const std::string& address) {
  const std::string wanted = normal(address);
  if (wanted.starts_with("127.") || wanted == "::1") return std::string("lo");
  ifaddrs* raw = nullptr;
  if (wanted.empty() || ::getifaddrs(&raw) != 0)
    return Error{ErrorCode::kConfig, "\"" + address + "\": the network device of this address cannot be found."};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(raw, &::freeifaddrs);
  const ifaddrs* owner = nullptr;
  for (const ifaddrs* one = all.get(); one != nullptr && owner == nullptr; one = one->ifa_next)
    if (text_of(one->ifa_addr) == wanted) owner = one;
  if (owner == nullptr) {
    return Error{ErrorCode::kConfig,
                 "\"" + address + "\" is no address of this host. A node runs on the host whose address it has."};
  }
  const std::string device = owner->ifa_name;
  for (const ifaddrs* one = all.get(); one != owner; one = one->ifa_next) {
    if (device != one->ifa_name || one->ifa_addr == nullptr || one->ifa_addr->sa_family != owner->ifa_addr->sa_family)
      continue;
    return Error{ErrorCode::kConfig, "\"" + address + "\" is not the first address of the network device " + device +
                                         ", and KV connections would use the first, " + text_of(one->ifa_addr) +
                                         ". Give the node that address."};
  }
  return device;
}

}  // namespace troupe::link
