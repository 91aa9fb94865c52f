#include "runtime/link/modelled_link.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/link/landing.hpp"
#include "runtime/link/sending.hpp"

namespace troupe::link {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

constexpr std::string_view kAddress = "modelled";
constexpr PeerId kSelf{1};

class ModelledLink final : public Link {
 public:
  explicit ModelledLink(ModelledOptions options) : options_(std::move(options)) {
    CHECK(options_.later != nullptr && options_.now != nullptr);
    for (const Card& card : options_.cards) CHECK(card.bytes_per_second > 0 && card.weight > 0, card.bytes_per_second);
    queues_.resize(options_.cards.size());
  }
  ~ModelledLink() override;

  SlabId add_slab(std::span<std::byte> memory, const kernels::KvLayout& layout) override;
  std::string address() const override { return std::string(kAddress); }
  Result<PeerId> add_peer(std::string_view address) override;
  void on_broken(std::function<void(PeerId, const Error&)>) override {}  // nothing breaks here
  Path path(PeerId) const override { return {"modelled network", ""}; }
  void drop_peer(PeerId peer, std::function<void()> done) override;
  void open_landing(Landing landing, std::function<void(Result<Arrival>)> arrived) override;
  void close_landing(Ticket ticket) override;
  void push(PeerId peer, Push push, std::function<void(Result<Pushed>)> pushed) override;
  void probe(PeerId peer, std::function<void(Result<Probe>)> probed) override;
  Counters counters() const override { return counters_; }

 private:
  /// Until when a card is taken by what it has been given.
  struct Queues {
    Nanoseconds sending{};
    Nanoseconds receiving{};
  };
  struct Outgoing {
    Push push;
    std::function<void(Result<Pushed>)> done;
    double bytes = 0;  // modelled
    Nanoseconds made{};
  };
  struct Open {
    LandingState state;
    SlabId slab;
    std::function<void(Result<Arrival>)> arrived;
    std::optional<Nanoseconds> first_push{};
    std::uint32_t pieces = 0;  // pushed so far
  };

  void later(Nanoseconds delay, std::function<void()> what);
  Nanoseconds time_on(SlabId card, double bytes) const {
    return Nanoseconds(static_cast<std::int64_t>(bytes / options_.cards[card.value].bytes_per_second * 1e9 + 0.5));
  }
  void leave(const std::shared_ptr<Outgoing>& outgoing, Nanoseconds left);
  void deliver(const std::shared_ptr<Outgoing>& outgoing);
  void end(Ticket ticket, Result<Arrival> outcome);
  void end_all(const Error& why);

  ModelledOptions options_;
  std::vector<Slab> slabs_;
  std::vector<Queues> queues_;  // by slab
  bool known_ = false;          // add_peer was called, and drop_peer was not since
  std::unordered_map<Ticket, Open> landings_;
  std::unordered_map<Outgoing*, std::shared_ptr<Outgoing>> under_way_;
  std::vector<std::byte> packed_;
  Counters counters_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

ModelledLink::~ModelledLink() {
  alive_.reset();
  end_all({ErrorCode::kUnavailable, "the node is stopping"});
}

void ModelledLink::later(Nanoseconds delay, std::function<void()> what) {
  options_.later(delay, [alive = std::weak_ptr(alive_), what = std::move(what)] {
    if (!alive.expired()) what();
  });
}

SlabId ModelledLink::add_slab(std::span<std::byte> memory, const kernels::KvLayout& layout) {
  CHECK(memory.size() >= layout.slab_bytes(), memory.size(), layout.slab_bytes());
  CHECK(slabs_.size() < options_.cards.size(), "a slab without a card", slabs_.size());
  slabs_.push_back({memory, layout});
  return SlabId{static_cast<std::uint32_t>(slabs_.size() - 1)};
}

Result<PeerId> ModelledLink::add_peer(std::string_view address) {
  if (address != kAddress)
    return Error{ErrorCode::kInvalidInput, "a modelled network has no peer but itself: add its own address"};
  if (std::exchange(known_, true))
    return Error{ErrorCode::kInvalidInput, "this peer is known already: drop it before it is added again"};
  return kSelf;
}

void ModelledLink::end_all(const Error& why) {
  std::vector<Ticket> open;
  for (const auto& [ticket, landing] : landings_) open.push_back(ticket);
  std::sort(open.begin(), open.end());  // so that each run ends them in the same order
  for (const Ticket& ticket : open) end(ticket, why);
  std::vector<std::shared_ptr<Outgoing>> pushes;
  for (const auto& [key, outgoing] : std::exchange(under_way_, {})) pushes.push_back(outgoing);
  std::sort(pushes.begin(), pushes.end(), [](const auto& a, const auto& b) {
    return std::pair{a->push.ticket, a->made} < std::pair{b->push.ticket, b->made};
  });
  for (const auto& outgoing : pushes) outgoing->done(why);
}

void ModelledLink::drop_peer(PeerId peer, std::function<void()> done) {
  later({}, [this, peer, done = std::move(done)] {
    if (peer == kSelf && std::exchange(known_, false)) end_all({ErrorCode::kUnavailable, "the peer was dropped"});
    done();
  });
}

void ModelledLink::open_landing(Landing landing, std::function<void(Result<Arrival>)> arrived) {
  std::optional<Error> wrong;
  if (landing.slab.value >= slabs_.size()) {
    wrong = Error{ErrorCode::kInvalidInput, "a landing in a slab that was never added"};
  } else if (auto valid = validate(landing, slabs_[landing.slab.value]); !valid.ok()) {
    wrong = valid.error();
  } else if (!known_ || landing.from != kSelf) {
    wrong = Error{ErrorCode::kUnavailable, "the peer that is to send is not known or gone"};
  } else if (landings_.contains(landing.ticket)) {
    wrong = Error{ErrorCode::kInvalidInput, "a landing with this ticket is open: draw a new one for each"};
  }
  if (wrong) return later({}, [wrong = *wrong, arrived = std::move(arrived)] { arrived(wrong); });
  const Ticket ticket = landing.ticket;
  const SlabId slab = landing.slab;
  landings_.emplace(ticket,
                    Open{LandingState(std::move(landing), slabs_[slab.value], false), slab, std::move(arrived)});
}

void ModelledLink::close_landing(Ticket ticket) {
  later({}, [this, ticket] { end(ticket, Error{ErrorCode::kCancelled, "the landing was closed"}); });
}

void ModelledLink::push(PeerId peer, Push push, std::function<void(Result<Pushed>)> pushed) {
  std::optional<Error> wrong;
  if (push.slab.value >= slabs_.size()) {
    wrong = Error{ErrorCode::kInvalidInput, "a push from a slab that was never added"};
  } else if (auto valid = validate(push, slabs_[push.slab.value]); !valid.ok()) {
    wrong = valid.error();
  } else if (!known_ || peer != kSelf) {
    wrong = Error{ErrorCode::kUnavailable, "the peer is gone: send elsewhere"};
  }
  if (wrong) return later({}, [wrong = *wrong, pushed = std::move(pushed)] { pushed(wrong); });
  const SlabId from = push.slab;
  const auto slab_bytes =
      push.blocks.size() * static_cast<std::size_t>(push.layers) * slabs_[from.value].layout.layer_block_bytes();
  auto outgoing = std::make_shared<Outgoing>();
  outgoing->push = std::move(push);
  outgoing->done = std::move(pushed);
  outgoing->bytes = static_cast<double>(slab_bytes) * options_.cards[from.value].weight;
  const Nanoseconds now = outgoing->made = options_.now();
  under_way_[outgoing.get()] = outgoing;
  auto& sending = queues_[from.value].sending;
  const Nanoseconds begins = std::max(now, sending);
  sending = begins + time_on(from, outgoing->bytes);
  if (begins == now) return leave(outgoing, sending);
  later(begins - now, [this, outgoing, left = sending] { leave(outgoing, left); });
}

void ModelledLink::leave(const std::shared_ptr<Outgoing>& outgoing, Nanoseconds left) {
  if (!under_way_.contains(outgoing.get())) return;
  Nanoseconds arrives = left;
  const Nanoseconds now = options_.now();
  // What nobody waits for takes no turn at a receiver.
  if (const auto landing = landings_.find(outgoing->push.ticket); landing != landings_.end()) {
    auto& open = landing->second;
    if (!open.first_push) open.first_push = outgoing->made;
    auto& receiving = queues_[open.slab.value].receiving;
    arrives = std::max(left, std::max(now, receiving) + time_on(open.slab, outgoing->bytes));
    receiving = arrives;
  }
  later(arrives - now + options_.latency, [this, outgoing] { deliver(outgoing); });
}

void ModelledLink::deliver(const std::shared_ptr<Outgoing>& outgoing) {
  if (under_way_.erase(outgoing.get()) == 0) return;
  const Push& push = outgoing->push;
  const Slab& from = slabs_[push.slab.value];
  const Nanoseconds now = options_.now();
  for (const Cut& cut : cut(push, from.layout, kMostPieceBytes)) {
    const auto landing = landings_.find(push.ticket);
    PieceHeader header = header_of(push, cut);
    if (landing != landings_.end()) {
      ++landing->second.pieces;
      if (header.last) header.pieces = landing->second.pieces;
    }
    counters_.bytes_sent += cut.bytes;
    if (landing == landings_.end() || !landing->second.state.admit(header, now).ok()) {
      ++counters_.pieces_refused;
      continue;
    }
    packed_.resize(cut.bytes);
    gather(push, from, cut, packed_);
    auto progress = landing->second.state.write(header, packed_, now);
    counters_.bytes_received += cut.bytes;
    if (!progress.ok()) {
      end(push.ticket, progress.error());
    } else if (*progress == LandingState::Progress::kComplete) {
      Arrival arrival = landing->second.state.arrival();
      arrival.under_way = now - landing->second.first_push.value_or(now);
      end(push.ticket, std::move(arrival));
    }
  }
  outgoing->done(Pushed{static_cast<std::size_t>(outgoing->bytes), now - outgoing->made});
}

void ModelledLink::probe(PeerId peer, std::function<void(Result<Probe>)> probed) {
  if (!known_ || peer != kSelf) {
    later({}, [probed = std::move(probed)] {
      probed(Error{ErrorCode::kUnavailable, "the peer is not known or gone"});
    });
    return;
  }
  // The slowest pair, at rest.
  double rate = std::numeric_limits<double>::infinity();
  for (const Card& card : options_.cards) rate = std::min(rate, card.bytes_per_second);
  later(2 * options_.latency,
        [probe = Probe{2 * options_.latency, rate, kProbeBytes}, probed = std::move(probed)] { probed(probe); });
}

void ModelledLink::end(Ticket ticket, Result<Arrival> outcome) {
  const auto landing = landings_.find(ticket);
  if (landing == landings_.end()) return;
  const auto arrived = std::move(landing->second.arrived);
  landings_.erase(landing);
  arrived(std::move(outcome));
}

}  // namespace

std::unique_ptr<Link> make_modelled_link(ModelledOptions options) {
  return std::make_unique<ModelledLink>(std::move(options));
}

}  // namespace troupe::link
