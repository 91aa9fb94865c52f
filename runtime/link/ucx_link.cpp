// Where both nodes are on one host and allow it, each makes a shared memory worker and a ring of slots (ucx_ring.hpp)
// for this pair alone, and has the control plane carry a word of where they are to the other; pieces wait for that.
// UCX's tcp port stays shut then: UCX believes whoever knows its protocol, and here it is nobody's concern. Other peers
// are connected over tcp, as are those whose shared memory turns out not to be in reach: a word without any says so. A
// ping goes first, so that no transfer pays for the wire-up.
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
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/clock/wall_clock.hpp"
#include "runtime/link/node_address.hpp"
#include "runtime/link/prober.hpp"
#include "runtime/link/tcp_door.hpp"
#include "runtime/link/ucx_receiver.hpp"
#include "runtime/link/ucx_sender.hpp"
#include "runtime/link/ucx_worker.hpp"

namespace troupe::link {
namespace {

// While pieces travel the next one is often microseconds away, and sleeping costs ten.
constexpr std::chrono::microseconds kSpin{50};
constexpr std::chrono::milliseconds kCloseTick{20};
constexpr std::chrono::seconds kStopWithin{2};

class UcxLink final : public Link {
 public:
  UcxLink(UcxOptions options, std::unique_ptr<UcxWorker> tcp, std::unique_ptr<TcpDoor> door, int wake_fd);
  ~UcxLink() override;

  SlabId add_slab(std::span<std::byte> memory, const kernels::KvLayout& layout) override;
  std::string address() const override;
  Result<PeerId> add_peer(std::string_view address) override;
  void on_broken(std::function<void(PeerId, const Error&)> broken) override;
  void on_word(std::function<void(PeerId, std::string)> carry) override;
  void hear(PeerId peer, std::string word) override;
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
  Result<PeerId> accept(const NodeAddress& peer);
  void connect(PeerId id, NodeAddress peer);
  void connect_by_tcp(PeerId id, const std::string& why);
  /// This node does without shared memory to or from the peer, which is told.
  void do_without(PeerId id, const std::string& why);
  void say(PeerId id, const NodeAddress& word) const;
  std::string why_no_shared_memory(const NodeAddress& peer) const;
  Result<void> offer_shared_memory(PeerId id);
  static ucs_status_t signal_heard(void* link, const void* header, std::size_t header_length, void* data,
                                   std::size_t length, const ucp_am_recv_param_t* param);
  void meet(PeerId id, const std::string& word);
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
  std::unordered_map<std::uint64_t, PeerId> known_;  ///< by link id: added and not dropped
  std::uint64_t last_peer_ = 0;
  std::function<void(PeerId, const Error&)> broken_;
  std::function<void(PeerId, std::string)> carry_;

  // The link's thread's alone, from here on. UCX calls back into sender and receiver until its workers are gone.
  UcxReceiver receiver_;
  UcxSender sender_;
  Prober prober_;
  std::unique_ptr<UcxWorker> tcp_;
  std::unique_ptr<TcpDoor> door_;  ///< before the port of tcp_, and gone before it
  std::unordered_map<PeerId, NodeAddress> addresses_;
  std::unordered_map<PeerId, std::unique_ptr<UcxWorker>> shared_memory_;
  std::vector<std::unique_ptr<UcxWorker>> retired_;  ///< of dropped peers, with something still on its way
  bool stop_ = false;

  const int wake_fd_;
  std::thread thread_;
};

UcxLink::UcxLink(UcxOptions options, std::unique_ptr<UcxWorker> tcp, std::unique_ptr<TcpDoor> door, int wake_fd)
    : options_(std::move(options)),
      own_{.link_id = entropy64()},
      receiver_(options_.checksums, counters_,
                [this](PeerId peer, std::uint32_t slot) { sender_.send_signal(peer, Signal::Kind::kSlotFree, slot); }),
      sender_({own_.link_id, options_.checksums, options_.piece_bytes}, counters_,
              [this](PeerId peer, const Error& error) { peer_broke(peer, error); }),
      prober_({[this](PeerId peer, std::uint64_t value) { sender_.send_signal(peer, Signal::Kind::kPing, value); },
               [this](PeerId peer, std::size_t bytes, UcxSender::PushDone done) {
                 sender_.send_probe(peer, bytes, std::move(done));
               }}),
      tcp_(std::move(tcp)),
      door_(std::move(door)),
      wake_fd_(wake_fd) {
  own_.checksums = options_.checksums;
  own_.loopback = options_.tcp_device == "lo";
  own_.host = host_identity();
  own_.network = network_identity();
  own_.tcp = tcp_->address();
  own_.shared_memory = options_.shared_memory ? "offered" : "";
  receiver_.attach(*tcp_);
  tcp_->on_message(kSignalMessage, &UcxLink::signal_heard, this);
  thread_ = std::thread([this] { run(); });
}

UcxLink::~UcxLink() {
  post([this] { stop_ = true; });
  thread_.join();
  receiver_.drop_rings();
  door_.reset();
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

std::string UcxLink::address() const {
  // Whoever is told it connects; where it is one of this host that shares memory, there is no need.
  if (!own_.loopback || !options_.shared_memory) door_->open();
  return encode(own_);
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
  TRY(id, accept(peer));
  post([this, id, peer = std::move(peer)] { connect(id, peer); });
  return id;
}

Result<PeerId> UcxLink::accept(const NodeAddress& peer) {
  if (peer.link_id == own_.link_id) return Error{ErrorCode::kInvalidInput, "this is the node's own address"};
  if (peer.tcp.empty()) return Error{ErrorCode::kInvalidInput, "a node's link address: it says of no worker"};
  if (peer.network != own_.network && (peer.loopback || own_.loopback)) {
    return Error{ErrorCode::kUnavailable,
                 std::string("the peer cannot be reached: ") + (peer.loopback ? "it" : "this node") +
                     " listens on loopback only: name the network device that the nodes share (tcp_device)"};
  }
  const std::lock_guard lock(mutex_);
  const auto [known, added] = known_.try_emplace(peer.link_id, PeerId{last_peer_ + 1});
  if (!added) {
    return Error{ErrorCode::kInvalidInput, "this peer is known already: drop it before it is added again"};
  }
  ++last_peer_;
  paths_[known->second] = {"none", "the peer has not answered yet"};
  return known->second;
}

/// Why pieces to another host go by tcp: rdma is what would be better.
std::string why_no_rdma() {
  std::error_code none;
  const std::filesystem::directory_iterator devices("/sys/class/infiniband", none);
  if (none || devices == std::filesystem::directory_iterator()) return "no rdma: this host has no device for it";
  return "no rdma: this link does not use it, though there is " + devices->path().filename().string();
}

std::string UcxLink::why_no_shared_memory(const NodeAddress& peer) const {
  if (peer.host != own_.host) return "the peer is not on this host; " + why_no_rdma();
  if (!options_.shared_memory) return "this node does not use shared memory";
  if (peer.shared_memory.empty()) return "the peer does not use shared memory";
  return "";
}

void UcxLink::connect(PeerId id, NodeAddress peer) {
  receiver_.add_peer(peer.link_id, id);
  sender_.add_peer(id);
  const std::string why = why_no_shared_memory(peer);
  addresses_[id] = std::move(peer);
  if (!why.empty()) return connect_by_tcp(id, why);
  if (auto offered = offer_shared_memory(id); !offered.ok()) do_without(id, offered.error().message);
}

void UcxLink::connect_by_tcp(PeerId id, const std::string& why) {
  door_->open();  // the peer does the same
  if (sender_.uses_tcp(id)) return;
  const auto used = sender_.use_tcp(id, *tcp_, addresses_.at(id).tcp);
  if (used.ok()) return set_path(id, {"tcp " + options_.tcp_device, why});
  set_path(id, {"none", used.error().message});
  peer_broke(id, used.error());
}

void UcxLink::do_without(PeerId id, const std::string& why) {
  say(id, {.link_id = own_.link_id});
  connect_by_tcp(id, why);
}

void UcxLink::say(PeerId id, const NodeAddress& word) const {
  std::function<void(PeerId, std::string)> carry;
  {
    const std::lock_guard lock(mutex_);
    carry = carry_;
  }
  if (carry) carry(id, encode(word));
}

Result<void> UcxLink::offer_shared_memory(PeerId id) {
  TRY(worker, UcxWorker::open(Transport::kSharedMemory, options_.tcp_device));
  receiver_.attach(*worker);
  worker->on_message(kSignalMessage, &UcxLink::signal_heard, this);
  TRY(ring, receiver_.make_ring(id, *worker));
  NodeAddress word;
  word.link_id = own_.link_id;
  word.shared_memory = worker->address();
  word.ring = ring;
  shared_memory_[id] = std::move(worker);
  say(id, word);
  return {};
}

void UcxLink::on_word(std::function<void(PeerId, std::string)> carry) {
  const std::lock_guard lock(mutex_);
  carry_ = std::move(carry);
}

void UcxLink::hear(PeerId peer, std::string word) {
  post([this, peer, word = std::move(word)] { meet(peer, word); });
}

void UcxLink::meet(PeerId id, const std::string& bytes) {
  const auto word = decode_address(bytes);
  const auto known = addresses_.find(id);
  if (!word.ok() || known == addresses_.end() || word->link_id != known->second.link_id) {
    ++counters_.pieces_refused;
    return;
  }
  if (!sender_.reachable(id)) return;  // whose end `broken` has heard of
  if (word->shared_memory.empty()) {
    if (sender_.shares_memory(id)) return door_->open();  // the peer's own pieces come by tcp
    return connect_by_tcp(id, "the peer finds no shared memory with this node");
  }
  if (!shared_memory_.contains(id) || sender_.shares_memory(id) || sender_.uses_tcp(id)) return;
  const auto used = sender_.use_shared_memory(id, *shared_memory_.at(id), *word);
  if (!used.ok()) return do_without(id, used.error().message);
  // Two copies, by way of a slot. One would do with cma, the kernel's copy from process to process.
  set_path(id, {"shared memory (posix)", "no cma: with it UCX 1.13 cannot close the endpoint of a dead peer"});
}

ucs_status_t UcxLink::signal_heard(void* link, const void*, std::size_t, void* data, std::size_t length,
                                   const ucp_am_recv_param_t* param) {
  auto& self = *static_cast<UcxLink*>(link);
  const auto signal = (param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0
                          ? Result<Signal>(Error{ErrorCode::kInvalidInput, "too long for a signal"})
                          : decode_signal({static_cast<const std::byte*>(data), length});
  const auto peer = signal.ok() ? self.receiver_.peer(signal->link_id) : std::nullopt;
  if (!signal.ok()) ++self.counters_.pieces_refused;
  if (!peer) return UCS_OK;  // a ping of one that was added there and not here yet
  switch (signal->kind) {
    case Signal::Kind::kPing:
      self.sender_.send_signal(*peer, Signal::Kind::kPong, signal->value);
      break;
    case Signal::Kind::kPong:
      self.prober_.heard_pong(*peer, signal->value, clock::steady_now());
      break;
    case Signal::Kind::kSlotFree:
      if (!self.sender_.slot_is_free(*peer, signal->value).ok()) ++self.counters_.pieces_refused;
      break;
  }
  return UCS_OK;
}

void UcxLink::retire(PeerId id, bool given_back) {
  const auto worker = shared_memory_.find(id);
  if (worker == shared_memory_.end()) return;
  receiver_.drop_ring(id);
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
  if (const auto known = paths_.find(id); known != paths_.end()) known->second = std::move(path);
}

Path UcxLink::path(PeerId peer) const {
  const std::lock_guard lock(mutex_);
  const auto found = paths_.find(peer);
  return found == paths_.end() ? Path{"none", "the peer is not known"} : found->second;
}

void UcxLink::drop_peer(PeerId peer, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(known_, [&](const auto& known) { return known.second == peer; });
  }
  post([this, peer, done = std::move(done)]() mutable {
    {
      const std::lock_guard lock(mutex_);
      paths_.erase(peer);
    }
    addresses_.erase(peer);
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
  worked = receiver_.pump() || worked;
  worked = sender_.pump() || worked;
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
  const auto others = listening_sockets();
  TRY(tcp, UcxWorker::open(Transport::kTcp, options.tcp_device));
  auto door = std::make_unique<TcpDoor>(listening_since(others));
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) {
    return Error{ErrorCode::kUnavailable, std::string("no eventfd for the link: ") + std::strerror(errno)};
  }
  return std::unique_ptr<Link>(std::make_unique<UcxLink>(std::move(options), std::move(tcp), std::move(door), wake_fd));
}

}  // namespace troupe::link
