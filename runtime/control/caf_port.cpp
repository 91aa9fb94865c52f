#include "runtime/control/caf_port.hpp"

#include <array>
#include <atomic>
#include <set>
#include <string>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <caf/io/scribe.hpp>
#include <caf/send.hpp>

#include "runtime/control/caf_frames.hpp"

namespace troupe::control {
namespace {

using caf::io::network::default_multiplexer;
using caf::io::network::native_socket;
using caf::io::network::rw_state;

/// Names connections and ports to CAF. Descriptors, which CAF takes, are soon used again, when it may still have to
/// clean up after the last that had the number.
std::int64_t next_handle() {
  static std::atomic<std::int64_t> next{std::int64_t{1} << 32};
  return next++;
}

rw_state state_of(const Moved& moved) {
  return moved.state == Moved::State::kEnded ? rw_state::failure : rw_state::success;
}

/// How CAF's stream reads and writes: through the connection, header by header. Only CAF's I/O thread calls it.
class CheckedBytes {
 public:
  CheckedBytes(Connection connection, Side peer, std::shared_ptr<Refusals> refusals)
      : connection_(std::move(connection)), frames_(peer), refusals_(std::move(refusals)) {}
  CheckedBytes(const CheckedBytes&) = delete;
  CheckedBytes& operator=(const CheckedBytes&) = delete;
  ~CheckedBytes() { connection_.socket.release(); }  // CAF's stream closes the descriptor

  rw_state read_some(std::size_t& result, native_socket, void* into, std::size_t size) {
    result = 0;
    if (size == 0) return rw_state::success;
    if (passed_ == 0 && payload_ == 0) {
      const rw_state state = read_header();
      if (state != rw_state::success || passed_ == 0) return state;
    }
    const std::span<char> room(static_cast<char*>(into), size);
    if (passed_ > 0) {
      result = std::min(passed_, size);
      std::copy_n(header_.end() - static_cast<std::ptrdiff_t>(passed_), result, room.begin());
      passed_ -= result;
      return rw_state::success;
    }
    const Moved moved = connection_.receive(room.first(std::min<std::size_t>(size, payload_)));
    result = moved.bytes;
    payload_ -= static_cast<std::uint32_t>(moved.bytes);
    return state_of(moved);
  }

  rw_state write_some(std::size_t& result, native_socket, const void* bytes, std::size_t size) {
    result = 0;
    if (size == 0) return rw_state::indeterminate;
    const Moved moved = connection_.transmit({static_cast<const char*>(bytes), size});
    result = moved.bytes;
    return state_of(moved);
  }

  /// What lies here or in TLS wakes nobody.
  bool must_read_more(native_socket, std::size_t threshold) const {
    return connection_.buffered() + passed_ >= threshold;
  }

 private:
  /// On success `passed_` is a whole header's, or 0 where the rest has not come yet.
  rw_state read_header() {
    while (collected_ < header_.size()) {
      const Moved moved = connection_.receive(std::span(header_).subspan(collected_));
      if (moved.state != Moved::State::kSome) return state_of(moved);
      collected_ += moved.bytes;
    }
    collected_ = 0;
    const auto length = frames_.take(header_);
    if (!length.ok()) {
      refusals_->report(connection_.peer, length.error().message + ". The connection was closed.");
      return rw_state::failure;
    }
    passed_ = header_.size();
    payload_ = *length;
    return rw_state::success;
  }

  Connection connection_;
  CafFrames frames_;
  std::shared_ptr<Refusals> refusals_;
  std::array<char, kCafHeaderBytes> header_{};
  std::size_t collected_ = 0;  ///< of a header that is not whole
  std::size_t passed_ = 0;     ///< of a good header, what CAF has not taken yet
  std::uint32_t payload_ = 0;  ///< that is still to come after the header
};

class ControlScribe final : public caf::io::scribe {
 public:
  ControlScribe(default_multiplexer& backend, Connection connection, Side peer, std::shared_ptr<Refusals> refusals)
      : scribe(caf::io::connection_handle::from_int(next_handle())),
        stream_(backend, connection.socket.fd(), std::move(connection), peer, std::move(refusals)) {}

  void configure_read(caf::io::receive_policy::config config) override {
    stream_.configure_read(config);
    if (!std::exchange(launched_, true)) stream_.start(this);
  }
  void ack_writes(bool enable) override { stream_.ack_writes(enable); }
  std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
  std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
  void graceful_shutdown() override {
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }
  void flush() override { stream_.flush(this); }
  std::string addr() const override { return peer_of(stream_.fd()); }
  std::uint16_t port() const override { return port_of(stream_.fd()); }
  void add_to_loop() override { stream_.activate(this); }
  void remove_from_loop() override { stream_.passivate(); }

 private:
  bool launched_ = false;
  caf::io::network::stream_impl<CheckedBytes> stream_;
};

/// What stands for the port in CAF. Accepts nothing itself.
class ControlDoorman final : public caf::io::doorman {
 public:
  ControlDoorman(default_multiplexer& backend, Endpoint endpoint, std::shared_ptr<Refusals> refusals)
      : doorman(caf::io::accept_handle::from_int(next_handle())),
        backend_(backend),
        endpoint_(std::move(endpoint)),
        refusals_(std::move(refusals)) {}

  using doorman::new_connection;
  bool new_connection() override { return false; }
  void launch() override {}
  void add_to_loop() override {}
  void remove_from_loop() override {}
  void graceful_shutdown() override { detach(&backend_, false); }
  std::string addr() const override { return endpoint_.host; }
  std::uint16_t port() const override { return endpoint_.port; }

  /// On CAF's I/O thread.
  void admit(Connection connection) {
    if (detached()) return;
    auto scribe = caf::make_counted<ControlScribe>(backend_, std::move(connection), Side::kDialler, refusals_);
    const auto handle = scribe->hdl();
    parent()->add_scribe(std::move(scribe));
    doorman::new_connection(&backend_, handle);
  }

 private:
  default_multiplexer& backend_;
  Endpoint endpoint_;
  std::shared_ptr<Refusals> refusals_;
};

/// Has CAF shake hands over a connection that was dialled.
class Introduction final : public caf::event_based_actor {
 public:
  Introduction(caf::actor_config& config, caf::actor broker, caf::io::scribe_ptr scribe, std::uint16_t port,
               CafPort::Reached done)
      : event_based_actor(config),
        broker_(std::move(broker)),
        scribe_(std::move(scribe)),
        port_(port),
        done_(std::move(done)) {}
  const char* name() const override { return "introduction"; }

 protected:
  caf::behavior make_behavior() override {
    request(broker_, caf::infinite, caf::connect_atom::value, std::move(scribe_), port_)
        .then(
            [this](caf::node_id&, caf::strong_actor_ptr& actor, std::set<std::string>&) {
              if (actor)
                end(std::move(actor));
              else
                end(Error{ErrorCode::kUnavailable, "it has no actor at its control port."});
            },
            [this](caf::error& error) {
              end(Error{ErrorCode::kUnavailable,
                        "it closed the connection (" + home_system().render(error) + "). Its log may say why."});
            });
    return {};
  }

 private:
  void end(Result<caf::strong_actor_ptr> result) {
    done_(std::move(result));
    done_ = nullptr;
    broker_ = nullptr;
    quit();
  }

  caf::actor broker_;
  caf::io::scribe_ptr scribe_;
  std::uint16_t port_;
  CafPort::Reached done_;
};

default_multiplexer& backend_of(caf::actor_system& system) {
  return dynamic_cast<default_multiplexer&>(system.middleman().backend());
}

}  // namespace

CafPort::CafPort(caf::actor_system& system, GateOptions options)
    : system_(system),
      broker_(system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"))),
      refusals_(options.refusals),
      gate_(std::move(options)) {
  CHECK(refusals_ != nullptr);
}

CafPort::~CafPort() = default;

Result<std::uint16_t> CafPort::publish(const Endpoint& endpoint, const caf::strong_actor_ptr& actor) {
  TRY(listener, listen_on(endpoint));
  const std::uint16_t port = port_of(listener.fd());
  auto& backend = backend_of(system_);
  const auto doorman = caf::make_counted<ControlDoorman>(backend, Endpoint{endpoint.host, port}, refusals_);
  caf::anon_send(broker_, caf::publish_atom::value, caf::io::doorman_ptr(doorman), port, actor,
                 std::set<std::string>{});
  gate_.listen(std::move(listener), [&backend, doorman](Connection connection) {
    auto arrived = std::make_shared<Connection>(std::move(connection));
    backend.post([doorman, arrived] { doorman->admit(std::move(*arrived)); });
  });
  return port;
}

void CafPort::dial(const Endpoint& endpoint, const std::string& node, Reached done) {
  gate_.dial(endpoint, node, [this, port = endpoint.port, done = std::move(done)](Result<Connection> dialled) {
    if (!dialled.ok()) return done(std::move(dialled).error());
    caf::io::scribe_ptr scribe =
        caf::make_counted<ControlScribe>(backend_of(system_), std::move(*dialled), Side::kListener, refusals_);
    system_.spawn<Introduction, caf::hidden>(broker_, std::move(scribe), port, done);
  });
}

}  // namespace troupe::control
