#include "runtime/http/server.hpp"

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <unordered_map>

#include <boost/asio/executor_work_guard.hpp>

#include "runtime/base/check.hpp"
#include "runtime/base/random.hpp"
#include "runtime/http/connection.hpp"
#include "runtime/http/tls.hpp"

namespace troupe::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Connections over the limit that are kept for as long as it takes to tell them so.
constexpr std::size_t kTurnedAwayAtOnce = 64;
/// How long to wait when the process has run out of file descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};

/// What a per-peer limit counts: one IPv4 address, or one IPv6 /64, which is what one customer gets.
asio::ip::address peer_key(const asio::ip::address& address) {
  if (address.is_v4()) return address;
  auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6);
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return asio::ip::address_v6(bytes);
}

Result<asio::ip::address> parse_address(const std::string& text) {
  if (text == "localhost") return asio::ip::address(asio::ip::address_v4::loopback());
  error_code failed;
  const auto address = asio::ip::make_address(text, failed);
  if (failed)
    return Error{ErrorCode::kConfig, "HTTP address \"" + text + "\": expected an IP address such as 127.0.0.1 or ::1."};
  return address;
}

Result<void> check_exposure(const ServerConfig& config, const asio::ip::address& address) {
  if (address.is_loopback() || config.allow_insecure || (config.tls && !config.api_keys.empty())) return {};
  return Error{ErrorCode::kConfig,
               "HTTP address " + config.address + " can be reached from other hosts, but " +
                   (config.api_keys.empty() ? "no API keys are" : "no TLS is") +
                   " configured. Configure both API keys and TLS, bind 127.0.0.1, or set allow_insecure."};
}

}  // namespace

/// Everything that lives on the io thread.
class Server::Core {
 public:
  Core(ServerConfig config, RouteTable routes, Handler handler, std::unique_ptr<asio::ssl::context> tls)
      : port_(std::make_shared<Port>(io_)),
        acceptor_(io_),
        accept_pause_(io_),
        drain_timer_(io_),
        context_{io_,
                 std::move(config),
                 std::move(routes),
                 std::move(handler),
                 port_,
                 std::move(tls),
                 entropy64(),
                 0,
                 false,
                 [this](Connection& connection) { forget(connection); },
                 {}} {}

  ~Core() {
    if (thread_.joinable()) {
      CHECK(thread_.get_id() != std::this_thread::get_id(), "a server cannot be destroyed on its own io thread");
      asio::post(io_, [this] {
        shut_acceptor();
        close_all();
        drain_timer_.cancel();
        work_.reset();
      });
      thread_.join();
    }
    port_->shut();
  }

  Result<void> listen(const asio::ip::address& address) {
    const asio::ip::tcp::endpoint endpoint(address, context_.config.port);
    error_code failed;
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(1024, failed);
    if (failed)
      return Error{ErrorCode::kConfig,
                   "HTTP address " + context_.config.address + " port " + std::to_string(context_.config.port) +
                       " cannot be listened on: " + failed.message() + ". Choose another port (0: any free one)."};
    bound_port_ = acceptor_.local_endpoint().port();
    return {};
  }

  void run() {
    accept();
    // Signals are for the main thread.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { io_.run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  std::uint16_t bound_port() const { return bound_port_; }
  const Counters& counters() const { return context_.counters; }

  void stop_accepting() {
    asio::post(io_, [this] { shut_acceptor(); });
  }

  void drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done) {
    asio::post(io_, [this, deadline, done = std::move(done)]() mutable {
      shut_acceptor();
      context_.draining = true;
      drained_.push_back(std::move(done));
      for (const auto& connection : snapshot()) connection->drain();
      drain_timer_.expires_after(deadline);
      drain_timer_.async_wait([this](const error_code& failed) {
        if (!failed) close_all();
      });
      report_if_drained();
    });
  }

 private:
  void accept() {
    acceptor_.async_accept([this](const error_code& failed, asio::ip::tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (!failed) {
        admit(std::move(socket));
        return accept();
      }
      if (failed == asio::error::connection_aborted) return accept();
      accept_pause_.expires_after(kAcceptPause);
      accept_pause_.async_wait([this](const error_code& cancelled) {
        if (!cancelled && acceptor_.is_open()) accept();
      });
    });
  }

  void admit(asio::ip::tcp::socket socket) {
    error_code failed;
    const auto peer = socket.remote_endpoint(failed);
    if (failed) return;
    const auto& limits = context_.config.limits;
    const auto key = peer_key(peer.address());
    auto& counters = context_.counters;
    ++counters.connections_accepted;
    const auto of_peer = by_peer_.find(key);
    const bool crowded = connections_.size() >= limits.connections ||
                         (of_peer != by_peer_.end() && of_peer->second >= limits.connections_per_peer);
    const auto connection = std::make_shared<Connection>(context_, std::move(socket), peer);
    if (crowded) {
      ++counters.connections_refused;
      if (turned_away_.size() >= kTurnedAwayAtOnce) return;
      turned_away_.emplace(connection.get(), connection);
      return connection->turn_away();
    }
    connections_.emplace(connection.get(), connection);
    ++by_peer_[key];
    counters.connections_open = connections_.size();
    connection->start();
  }

  void forget(Connection& connection) {
    if (turned_away_.erase(&connection) > 0) return;
    if (connections_.erase(&connection) == 0) return;
    context_.counters.connections_open = connections_.size();
    const auto of_peer = by_peer_.find(peer_key(connection.peer().address()));
    if (--of_peer->second == 0) by_peer_.erase(of_peer);
    report_if_drained();
  }

  std::vector<std::shared_ptr<Connection>> snapshot() const {
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [at, connection] : connections_) all.push_back(connection);
    for (const auto& [at, connection] : turned_away_) all.push_back(connection);
    return all;
  }

  void close_all() {
    for (const auto& connection : snapshot()) {
      if (connection->has_request()) ++cut_;
      connection->close();
    }
  }

  void report_if_drained() {
    if (!connections_.empty() || drained_.empty()) return;
    drain_timer_.cancel();
    for (const auto& done : std::exchange(drained_, {}))
      if (done) done(cut_);
  }

  void shut_acceptor() {
    error_code ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
  }

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::shared_ptr<Port> port_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer accept_pause_;
  asio::steady_timer drain_timer_;
  std::uint16_t bound_port_ = 0;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_, turned_away_;
  std::map<asio::ip::address, std::size_t> by_peer_;
  std::vector<std::function<void(std::size_t)>> drained_;
  std::size_t cut_ = 0;
  ServerContext context_;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerConfig config, Handler handler) {
  TRY(address, parse_address(config.address));
  TRY_VOID(check_exposure(config, address));
  TRY(routes, RouteTable::make(config.routes));
  std::unique_ptr<asio::ssl::context> tls;
  if (config.tls) {
    TRY(made, make_server_tls(*config.tls));
    tls = std::move(made);
  }
  auto core = std::make_unique<Core>(std::move(config), std::move(routes), std::move(handler), std::move(tls));
  TRY_VOID(core->listen(address));
  core->run();
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

std::uint16_t Server::port() const { return core_->bound_port(); }
void Server::stop_accepting() { core_->stop_accepting(); }
void Server::drain(std::chrono::milliseconds deadline, std::function<void(std::size_t cut)> done) {
  core_->drain(deadline, std::move(done));
}

ServerStats Server::stats() const {
  const auto& counters = core_->counters();
  ServerStats stats;
  stats.connections_open = counters.connections_open;
  stats.connections_accepted = counters.connections_accepted;
  stats.connections_refused = counters.connections_refused;
  stats.requests = counters.requests;
  stats.in_flight = counters.in_flight;
  stats.disconnects = counters.disconnects;
  stats.body_bytes_held = counters.body_bytes_held;
  for (std::size_t status = 0; status < counters.answers.size(); ++status)
    if (const auto count = counters.answers[status].load()) stats.answers_by_status[static_cast<int>(status)] = count;
  return stats;
}

}  // namespace troupe::http
