#include "runtime/http/free_port.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace troupe::http {

Result<void> can_listen(const std::string& address, std::uint16_t port) {
  namespace asio = boost::asio;
  const std::string where = address + " port " + std::to_string(port);
  boost::system::error_code failed;
  const auto host = asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, failed);
  if (failed) return Error{ErrorCode::kConfig, "\"" + address + "\" is no IP address."};
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io);
  const asio::ip::tcp::endpoint endpoint(host, port);
  acceptor.open(endpoint.protocol(), failed);
  if (!failed) acceptor.set_option(asio::socket_base::reuse_address(true), failed);
  // Bound and not listening: nobody can connect meanwhile.
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) return {};
  if (failed == asio::error::address_in_use) return Error{ErrorCode::kUnavailable, where + " is taken."};
  if (failed == asio::error::access_denied)
    return Error{ErrorCode::kUnsupported, where + " may not be used by this user: " + failed.message() + "."};
  return Error{ErrorCode::kConfig, where + " cannot be used: " + failed.message() + "."};
}

}  // namespace troupe::http
