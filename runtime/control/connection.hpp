// A control connection: a socket, with TLS or plain.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "runtime/control/socket.hpp"
#include "runtime/control/tls.hpp"

namespace troupe::control {

/// Move-only; closed with the object.
struct Connection {
  Socket socket;
  std::unique_ptr<TlsSession> tls;  ///< none: plain
  std::string peer;                 ///< for people: an address, or the name of the node that was dialled

  Moved receive(std::span<char> into) { return tls ? tls->receive(into) : control::receive(socket.fd(), into); }
  Moved transmit(std::span<const char> bytes) {
    return tls ? tls->transmit(bytes) : control::transmit(socket.fd(), bytes);
  }
  /// Bytes that can be received although the socket is not readable.
  std::size_t buffered() const { return tls ? tls->buffered() : 0; }
};

}  // namespace troupe::control
