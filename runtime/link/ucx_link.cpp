// Every peer is connected over tcp first. Where both are on one host and allow it, each makes a shared memory worker
// for this pair alone and tells the other its address in a hello over tcp; pieces change over when the hello is there.
//
// For this pair alone, because a UCX shared memory worker has one receive queue for all its senders. With one worker
// for all peers, a killed sender now and then left the survivors without a word from each other (seen twice in a day's
// tests; the likely cause is a slot that was taken and never filled). This way a dead peer blocks only what its own
// peer hears from it, and goes with its worker.
#include "runtime/link/ucx_link.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/clock/wall_clock.hpp"
#include "runtime/link/node_address.hpp"
#include "runtime/link/prober.hpp"
#include "runtime/link/ucx_receiver.hpp"
#include "runtime/link/ucx_sender.hpp"
#include "runtime/link/ucx_worker.hpp"

namespace troupe::link {
namespace {

// While pieces travel the next one is often microseconds away, and sleeping costs ten.
constexpr std::chrono::microseconds kSpin{50};
constexpr std::chrono::milliseconds kCloseTick{20};
constexpr std::chrono::seconds kStopWithin{2};
constexpr std::size_t kMostHellos = 1024;

class UcxLink final : public Link {
 public:
  UcxLink(UcxOptions options, std::unique_ptr<UcxWorker> tcp, int wake_fd);
  ~UcxLink() override;

  SlabId add_slab(std::span<std::byte> memory, const kernels::KvLayout& layout) override;
  std::string address() const override { return encode(own_); }
  Result<PeerId> add_peer(std::string_view address) override;
  void on_broken(std::function<void(PeerId, const Error&)> broken) override;
  Path path(PeerId peer) const override;
  void drop_peer(PeerId peer, std::function<void()> done) override;
  void open_landing(Landing landing, std::function<void(Result<Arrival>)> arrived) override;
  void close_landing(Ticket ticket) override;
  void push(PeerId peer, Push push, std::function<void(Result<Pushed>)> pushed) override;
  void probe(PeerId peer, std::function<void(Result<Probe>)> probed) override;
  Counters counters() const override { return counters_.read(); }

 private:
  void post(std::function<void()> command);
  void run();
  bool run_commands();
  bool progress();
  void sleep();
  std::optional<Slab> slab(SlabId id) const;
  Result<PeerId> connect(const NodeAddress& peer);
  std::string why_no_shared_memory(const NodeAddress& peer) const;
  void offer_shared_memory(PeerId id, std::uint64_t link_id);
  static ucs_status_t hello_heard(void* link, const void* header, std::size_t header_length, void* data,
                                  std::size_t length, const ucp_am_recv_param_t* param);
  static ucs_status_t signal_heard(void* link, const void* header, std::size_t header_length, void* data,
                                   std::size_t length, const ucp_am_recv_param_t* param);
  void meet(std::uint64_t link_id);
  void retire(PeerId id, bool given_back);
  void peer_broke(PeerId id, const Error& error);
  void set_path(PeerId id, Path path);

  const UcxOptions options_;
  NodeAddress own_;
  SharedCounters counters_;

  mutable std::mutex mutex_;
  std::deque<std::function<void()>> commands_;
  std::vector<Slab> slabs_;
  std::unordered_map<PeerId, Path> paths_;
  std::function<void(PeerId, const Error&)> broken_;

  // The link's thread's alone, from here on. UCX calls back into sender and receiver until its workers are gone.
  UcxReceiver receiver_;
  UcxSender sender_;
  Prober prober_;
  std::unique_ptr<UcxWorker> tcp_;
  std::unordered_map<PeerId, std::unique_ptr<UcxWorker>> shared_memory_;
  std::vector<std::unique_ptr<UcxWorker>> retired_;        ///< of dropped peers, with something still on its way
  std::unordered_map<std::uint64_t, std::string> hellos_;  ///< by link id: worker addresses not used yet
  std::vector<std::uint64_t> to_meet_;
  std::uint64_t last_peer_ = 0;
  bool stop_ = false;

  const int wake_fd_;
  std::thread thread_;
};

UcxLink::UcxLink(UcxOptions options, std::unique_ptr<UcxWorker> tcp, int wake_fd)
    : options_(std::move(options)),
      own_{.link_id = entropy64()},
      receiver_(options_.checksums, counters_),
      sender_({own_.link_id, options_.checksums, options_.piece_bytes}, counters_,
              [this](PeerId peer, const Error& error) { peer_broke(peer, error); }),
      prober_({[this](PeerId peer, std::uint64_t value) { sender_.send_signal(peer, Signal::Kind::kPing, value); },
               [this](PeerId peer, std::size_t bytes, UcxSender::PushDone done) {
                 sender_.send_probe(peer, bytes, std::move(done));
               }}),
      tcp_(std::move(tcp)),
      wake_fd_(wake_fd) {
  own_.checksums = options_.checksums;
  own_.loopback = options_.tcp_device == "lo";
  own_.host = host_identity();
  own_.network = network_identity();
  own_.tcp = tcp_->address();
  own_.shared_memory = options_.shared_memory ? "offered" : "";
  receiver_.attach(*tcp_);
  tcp_->on_message(kHelloMessage, &UcxLink::hello_heard, this);
  tcp_->on_message(kSignalMessage, &UcxLink::signal_heard, this);
  thread_ = std::thread([this] { run(); });
}

UcxLink::~UcxLink() {
  post([this] { stop_ = true; });
  thread_.join();
  retired_.clear();
  shared_memory_.clear();
  tcp_.reset();
  ::close(wake_fd_);
}

void UcxLink::post(std::function<void()> command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
    if (commands_.size() > 1) return;  // whoever put the first one there wakes the thread for both
  }
  const std::uint64_t one = 1;
  while (::write(wake_fd_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

SlabId UcxLink::add_slab(std::span<std::byte> memory, const kernels::KvLayout& layout) {
  CHECK(memory.size() >= layout.slab_bytes(), memory.size(), layout.slab_bytes());
  CHECK(layout.layer_block_bytes() > 0 && layout.layer_block_bytes() <= kMostPieceBytes, layout.layer_block_bytes());
  const std::lock_guard lock(mutex_);
  slabs_.push_back({memory, layout});
  return SlabId{static_cast<std::uint32_t>(slabs_.size() - 1)};
}

std::optional<Slab> UcxLink::slab(SlabId id) const {
  const std::lock_guard lock(mutex_);
  if (id.value >= slabs_.size()) return std::nullopt;
  return slabs_[id.value];
}

Result<PeerId> UcxLink::add_peer(std::string_view address) {
  TRY(peer, decode_address(address));
  if (peer.checksums != own_.checksums) {
    return Error{ErrorCode::kInvalidInput,
                 "one of the two nodes sends checksums and the other does not: configure them alike"};
  }
  CHECK(std::this_thread::get_id() != thread_.get_id(), "add_peer() waits for the thread that called it");
  std::promise<Result<PeerId>> added;
  post([&] { added.set_value(connect(peer)); });
  return added.get_future().get();
}

std::string UcxLink::why_no_shared_memory(const NodeAddress& peer) const {
  if (peer.host != own_.host) return "the peer is not on this host";
  if (!options_.shared_memory) return "this node does not use shared memory";
  if (peer.shared_memory.empty()) return "the peer does not use shared memory";
  return "";
}

Result<PeerId> UcxLink::connect(const NodeAddress& peer) {
  if (peer.link_id == own_.link_id) return Error{ErrorCode::kInvalidInput, "this is the node's own address"};
  if (receiver_.knows(peer.link_id)) {
    return Error{ErrorCode::kInvalidInput, "this peer is known already: drop it before it is added again"};
  }
  if (peer.tcp.empty()) return Error{ErrorCode::kInvalidInput, "a node's link address: it says of no worker"};
  if (peer.network != own_.network && (peer.loopback || own_.loopback)) {
    return Error{ErrorCode::kUnavailable,
                 std::string("the peer cannot be reached: ") + (peer.loopback ? "it" : "this node") +
                     " listens on loopback only: name the network device that the nodes share (tcp_device)"};
  }
  const PeerId id{++last_peer_};
  TRY_VOID(sender_.add_peer(id, *tcp_, peer.tcp));
  receiver_.add_peer(peer.link_id, id);
  const std::string why = why_no_shared_memory(peer);
  set_path(id, {"tcp " + options_.tcp_device, why.empty() ? "the peer has not answered yet" : why});
  if (why.empty()) offer_shared_memory(id, peer.link_id);
  return id;
}

void UcxLink::offer_shared_memory(PeerId id, std::uint64_t link_id) {
  auto worker = UcxWorker::open(Transport::kSharedMemory, options_.tcp_device);
  if (!worker.ok()) return set_path(id, {"tcp " + options_.tcp_device, worker.error().message});
  receiver_.attach(**worker);
  (*worker)->on_message(kSignalMessage, &UcxLink::signal_heard, this);
  NodeAddress hello;
  hello.link_id = own_.link_id;
  hello.shared_memory = (*worker)->address();
  shared_memory_[id] = std::move(worker).value();
  sender_.send_hello(id, encode(hello));
  meet(link_id);
}

ucs_status_t UcxLink::hello_heard(void* link, const void*, std::size_t, void* data, std::size_t length,
                                  const ucp_am_recv_param_t* param) {
  auto& self = *static_cast<UcxLink*>(link);
  const auto hello = (param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0
                         ? Result<NodeAddress>(Error{ErrorCode::kInvalidInput, "too long for a hello"})
                         : decode_address({static_cast<const char*>(data), length});
  if (!hello.ok() || hello->shared_memory.empty() || self.hellos_.size() >= kMostHellos) {
    ++self.counters_.pieces_refused;
    return UCS_OK;
  }
  self.hellos_[hello->link_id] = hello->shared_memory;
  self.to_meet_.push_back(hello->link_id);  // endpoints are made outside of UCX's callbacks
  return UCS_OK;
}

ucs_status_t UcxLink::signal_heard(void* link, const void*, std::size_t, void* data, std::size_t length,
                                   const ucp_am_recv_param_t* param) {
  auto& self = *static_cast<UcxLink*>(link);
  const auto signal = (param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0
                          ? Result<Signal>(Error{ErrorCode::kInvalidInput, "too long for a signal"})
                          : decode_signal({static_cast<const std::byte*>(data), length});
  const auto peer = signal.ok() ? self.receiver_.peer(signal->link_id) : std::nullopt;
  if (!peer) {
    ++self.counters_.pieces_refused;
  } else if (signal->kind == Signal::Kind::kPing) {
    self.sender_.send_signal(*peer, Signal::Kind::kPong, signal->value);
  } else {
    self.prober_.heard_pong(*peer, signal->value, clock::steady_now());
  }
  return UCS_OK;
}

void UcxLink::meet(std::uint64_t link_id) {
  const auto peer = receiver_.peer(link_id);
  const auto hello = hellos_.find(link_id);
  if (!peer || hello == hellos_.end() || !shared_memory_.contains(*peer)) return;
  const auto used = sender_.use_shared_memory(*peer, *shared_memory_.at(*peer), hello->second);
  hellos_.erase(hello);
  set_path(*peer,
           used.ok() ? Path{"shared memory (posix)", ""} : Path{"tcp " + options_.tcp_device, used.error().message});
}

void UcxLink::retire(PeerId id, bool given_back) {
  const auto worker = shared_memory_.find(id);
  if (worker == shared_memory_.end()) return;
  // Endpoints of abandoned peers end with their worker, which is then the link's last act.
  if (!given_back || receiver_.uses(*worker->second)) retired_.push_back(std::move(worker->second));
  shared_memory_.erase(worker);
}

void UcxLink::peer_broke(PeerId id, const Error& error) {
  receiver_.fail_peer(id, error);
  prober_.fail(id, error);
  std::function<void(PeerId, const Error&)> broken;
  {
    const std::lock_guard lock(mutex_);
    broken = broken_;
  }
  if (broken) broken(id, error);
}

void UcxLink::on_broken(std::function<void(PeerId, const Error&)> broken) {
  const std::lock_guard lock(mutex_);
  broken_ = std::move(broken);
}

void UcxLink::set_path(PeerId id, Path path) {
  const std::lock_guard lock(mutex_);
  paths_[id] = std::move(path);
}

Path UcxLink::path(PeerId peer) const {
  const std::lock_guard lock(mutex_);
  const auto found = paths_.find(peer);
  return found == paths_.end() ? Path{"none", "the peer is not known"} : found->second;
}

void UcxLink::drop_peer(PeerId peer, std::function<void()> done) {
  post([this, peer, done = std::move(done)]() mutable {
    {
      const std::lock_guard lock(mutex_);
      paths_.erase(peer);
    }
    prober_.fail(peer, {ErrorCode::kUnavailable, "the peer was dropped"});
    // Waiting pieces go back to UCX before their endpoint closes.
    receiver_.forget_peer(peer, {ErrorCode::kUnavailable, "the peer that was to send was dropped"});
    sender_.drop(peer, [this, peer, done = std::move(done)](bool given_back) {
      retire(peer, given_back);
      done();
    });
  });
}

void UcxLink::open_landing(Landing landing, std::function<void(Result<Arrival>)> arrived) {
  post([this, landing = std::move(landing), arrived = std::move(arrived)]() mutable {
    const auto into = slab(landing.slab);
    if (!into) return arrived(Error{ErrorCode::kInvalidInput, "a landing in a slab that was never added"});
    if (!sender_.reachable(landing.from)) {
      return arrived(Error{ErrorCode::kUnavailable, "the peer that is to send is not known or gone"});
    }
    receiver_.open(std::move(landing), *into, std::move(arrived));
  });
}

void UcxLink::close_landing(Ticket ticket) {
  post([this, ticket] { receiver_.close(ticket, {ErrorCode::kCancelled, "the landing was closed"}); });
}

void UcxLink::push(PeerId peer, Push push, std::function<void(Result<Pushed>)> pushed) {
  post([this, peer, push = std::move(push), pushed = std::move(pushed)]() mutable {
    const auto from = slab(push.slab);
    if (!from) return pushed(Error{ErrorCode::kInvalidInput, "a push from a slab that was never added"});
    sender_.push(peer, std::move(push), *from, std::move(pushed));
  });
}

void UcxLink::probe(PeerId peer, std::function<void(Result<Probe>)> probed) {
  post([this, peer, probed = std::move(probed)]() mutable {
    if (!sender_.reachable(peer)) return probed(Error{ErrorCode::kUnavailable, "the peer is not known or gone"});
    prober_.start(peer, std::move(probed), clock::steady_now());
  });
}

bool UcxLink::run_commands() {
  std::deque<std::function<void()>> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (const auto& command : commands) command();
  return !commands.empty();
}

bool UcxLink::progress() {
  bool worked = tcp_->progress();
  for (auto& [peer, worker] : shared_memory_) worked = worker->progress() || worked;
  for (const std::uint64_t link_id : std::exchange(to_meet_, {})) meet(link_id);
  receiver_.pump();
  sender_.pump();
  if (prober_.waiting()) prober_.look_at(clock::steady_now());
  return worked;
}

void UcxLink::run() {
  auto worked_at = clock::steady_now();
  while (!stop_) {
    const bool commanded = run_commands();
    if (progress() || commanded) {
      worked_at = clock::steady_now();
    } else if (!(sender_.busy() || receiver_.busy()) || clock::steady_now() - worked_at > kSpin) {
      sleep();
    }
  }
  prober_.fail_all({ErrorCode::kUnavailable, "the node is stopping"});
  receiver_.close_all({ErrorCode::kCancelled, "the node is stopping"});
  sender_.drop_all();
  const auto deadline = clock::steady_now() + kStopWithin;
  do {
    progress();
  } while ((sender_.closing() || sender_.busy()) && clock::steady_now() < deadline);
  // What was posted after the stop still hears its end: there are no peers any more.
  while (run_commands()) progress();
}

void UcxLink::sleep() {
  if (!tcp_->arm()) return;  // something came in between
  std::vector<pollfd> wait{{wake_fd_, POLLIN, 0}, {tcp_->event_fd(), POLLIN, 0}};
  for (auto& [peer, worker] : shared_memory_) {
    if (!worker->arm()) return;
    wait.push_back({worker->event_fd(), POLLIN, 0});
  }
  const int ready = ::poll(wait.data(), wait.size(),
                           sender_.closing() || prober_.waiting() ? static_cast<int>(kCloseTick.count()) : -1);
  CHECK(ready >= 0 || errno == EINTR, std::strerror(errno));
  std::uint64_t count = 0;
  while (::read(wake_fd_, &count, sizeof count) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<std::unique_ptr<Link>> start_ucx_link(UcxOptions options) {
  if (options.piece_bytes < 64 * 1024 || options.piece_bytes > kMostPieceBytes) {
    return Error{ErrorCode::kConfig, "piece_bytes is " + std::to_string(options.piece_bytes) + ", expected 65536 to " +
                                         std::to_string(kMostPieceBytes)};
  }
  TRY(tcp, UcxWorker::open(Transport::kTcp, options.tcp_device));
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) {
    return Error{ErrorCode::kUnavailable, std::string("no eventfd for the link: ") + std::strerror(errno)};
  }
  return std::unique_ptr<Link>(std::make_unique<UcxLink>(std::move(options), std::move(tcp), wake_fd));
}

}  // namespace troupe::link
