#include "runtime/link/tcp_device.hpp"

#include <gtest/gtest.h>

namespace troupe::link {
namespace {

TEST(TcpDevice, OfLoopbackAddressesIsTheLoopbackDevice) {
  for (const char* address : {"127.0.0.1", "127.8.9.10", "::1"}) EXPECT_EQ(tcp_device_of(address).value(), "lo");
}

TEST(TcpDevice, OfAnotherHostsAddressIsRefused) {
  const auto refused = tcp_device_of("192.0.2.1");  // for documentation only (RFC 5737)
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_NE(refused.error().message.find("no address of this host"), std::string::npos);
}

TEST(TcpDevice, OfWhatIsNoAddressIsRefused) { EXPECT_FALSE(tcp_device_of("example.org").ok()); }

}  // namespace
}  // namespace troupe::link
