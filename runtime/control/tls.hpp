// Mutual TLS of control connections: both sides show a certificate of the cluster's CA, and the dialler checks that the
// listener's is the one of the node that it meant. TLS 1.2 at least.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/control/greeting.hpp"
#include "runtime/control/socket.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace troupe::control {

/// PEM files.
struct TlsFiles {
  std::string ca;
  std::string certificate;
  std::string key;
};

/// One node's certificate, key and CA. Sessions may be made from any thread.
class TlsContext {
 public:
  /// `nodes`: the names that a peer's certificate may bear. kConfig names the file that is missing, unusable, open to
  /// others, expired, or does not fit the others, and says what to do.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files, std::vector<std::string> nodes);

  ssl_ctx_st* native() const { return context_.get(); }
  const std::vector<std::string>& nodes() const { return nodes_; }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
  std::vector<std::string> nodes_;
};

/// One connection's TLS. Not thread-safe. The descriptor stays its owner's.
class TlsSession {
 public:
  /// `node`: whom a dialler means; a listener takes every node of the context.
  TlsSession(std::shared_ptr<const TlsContext> context, int fd, Side side, std::string node);

  enum class Wants { kNothing, kRead, kWrite };  ///< kNothing: it is done
  /// Goes on with the handshake. kUnavailable where it failed: why, and what to do.
  Result<Wants> shake_hands();

  Moved receive(std::span<char> into);
  Moved transmit(std::span<const char> bytes);
  /// Bytes that have been read from the socket and not yet received.
  std::size_t buffered() const;
  /// Why receive() or transmit() said kEnded, where TLS has a reason; empty where the peer just closed.
  const std::string& broken() const { return broken_; }

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  Moved moved(int result);
  std::string why_failed() const;

  std::shared_ptr<const TlsContext> context_;
  std::unique_ptr<ssl_st, Free> session_;
  Side side_;
  std::string node_;
  std::string broken_;
};

}  // namespace troupe::control
