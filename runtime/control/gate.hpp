// The gate before a node's control port: listens, dials, and lets a connection through only once both sides have shown
// that they are nodes of Troupe - by mutual TLS or, on loopback, by being of one user, and by the greeting.
// Promises: what has not come through costs a descriptor and a few hundred bytes, no longer than GateOptions::patience,
// and there are at most `most_waiting` such; when one more comes the oldest has to go. Refusals are told, at a bounded
// rate. Nobody's bytes but the greeting's are read here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/control/connection.hpp"
#include "runtime/control/refusals.hpp"
#include "runtime/control/tls.hpp"

namespace troupe::control {

struct GateOptions {
  std::shared_ptr<const TlsContext> tls;  ///< none: plain, for loopback
  /// From a connection's first moment until it is through.
  std::chrono::milliseconds patience{3000};
  std::size_t most_waiting = 64;
  std::shared_ptr<Refusals> refusals;
};

/// Has a thread of its own, from which it calls back; callbacks must not block.
class Gate {
 public:
  explicit Gate(GateOptions options);
  /// Calls no callback any more once it has returned. Dials under way end with kCancelled.
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  using Admit = std::function<void(Connection)>;
  using Dialled = std::function<void(Result<Connection>)>;

  /// Passes on who comes through at `listener` (of listen_on). At most once in a gate's life.
  void listen(Socket listener, Admit admit);
  /// `node`: the name that the other side's certificate must bear. `done` is called exactly once.
  void dial(const Endpoint& endpoint, std::string node, Dialled done);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace troupe::control
