// What arrives by slots of shared memory: a raw UCX peer writes and announces what no link would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/link/node_address.hpp"
#include "runtime/link/signal.hpp"
#include "runtime/link/ucx_ring.hpp"
#include "tests/unit/runtime/link/ucx_fixture.hpp"

namespace troupe::link {
namespace {

using testing::HasSubstr;

/// A peer that meets a link as another link does, by a word each way, and then does as it is told.
class RawSlotPeer {
 public:
  using Change = std::function<void(RingOffer&)>;

  /// `change` forges the slots that it offers.
  explicit RawSlotPeer(Link& to, const Change& change = {})
      : tcp_(std::move(UcxWorker::open(Transport::kTcp, "lo")).value()),
        shared_memory_(std::move(UcxWorker::open(Transport::kSharedMemory, "lo")).value()),
        own_ring_(std::move(UcxRing::allocate(*shared_memory_)).value()) {
    shared_memory_->on_message(kSignalMessage, &RawSlotPeer::signal, this);
    Heard<std::string> word;
    to.on_word([said = word.callback(), first = std::make_shared<bool>(true)](PeerId, std::string bytes) {
      if (std::exchange(*first, false)) said(std::move(bytes));
    });
    tcp_->on_message(kSignalMessage, &RawSlotPeer::signal, this);
    const NodeAddress own{.link_id = kLinkId,
                          .host = host_identity(),
                          .network = network_identity(),
                          .shared_memory = "offered",
                          .tcp = tcp_->address()};
    peer_ = to.add_peer(encode(own)).value();
    const NodeAddress heard = decode_address(word.get()).value();
    endpoint_ = connect(*shared_memory_, heard.shared_memory);
    ring_ = std::move(UcxRemoteRing::attach(endpoint_, heard.ring)).value();
    NodeAddress answer{.link_id = kLinkId, .shared_memory = shared_memory_->address(), .ring = own_ring_->offer()};
    if (change) change(answer.ring);
    to.hear(peer_, encode(answer));
  }
  ~RawSlotPeer() { ring_.reset(); }

  PeerId peer() const { return peer_; }
  UcxRemoteRing& ring() { return *ring_; }
  int given_back() const { return given_back_; }
  int pings() const { return pings_; }

  void fill(std::uint32_t slot, std::span<const std::byte> bytes) {
    std::copy(bytes.begin(), bytes.end(), ring_->slot(slot).begin());
  }
  void announce(std::span<const std::byte> header) { send(endpoint_, kSlotMessage, header); }
  void announce(PieceHeader header) {
    header.link_id = kLinkId;
    announce(encode(header));
  }
  template <class Condition>
  void await(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      CHECK(std::chrono::steady_clock::now() < deadline);
      tcp_->progress();
      shared_memory_->progress();
    }
  }

 private:
  static ucp_ep_h connect(UcxWorker& worker, const std::string& address) {
    ucp_ep_params_t params{};
    params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE;
    params.address = reinterpret_cast<const ucp_address_t*>(address.data());
    params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
    ucp_ep_h endpoint = nullptr;
    CHECK(ucp_ep_create(worker.handle(), &params, &endpoint) == UCS_OK);
    return endpoint;
  }
  void send(ucp_ep_h endpoint, unsigned id, std::span<const std::byte> bytes) {
    ucp_request_param_t param{};
    const auto request = ucp_am_send_nbx(endpoint, id, nullptr, 0, bytes.data(), bytes.size(), &param);
    if (!UCS_PTR_IS_PTR(request)) return;
    await([&] { return ucp_request_check_status(request) != UCS_INPROGRESS; });
    ucp_request_free(request);
  }
  static ucs_status_t signal(void* self, const void*, std::size_t, void* data, std::size_t length,
                             const ucp_am_recv_param_t*) {
    const auto signal = decode_signal({static_cast<const std::byte*>(data), length}).value();
    auto& peer = *static_cast<RawSlotPeer*>(self);
    if (signal.kind == Signal::Kind::kSlotFree) ++peer.given_back_;
    if (signal.kind == Signal::Kind::kPing) ++peer.pings_;
    return UCS_OK;
  }

  static constexpr std::uint64_t kLinkId = 0xfedcba;
  std::unique_ptr<UcxWorker> tcp_;  ///< for what falls back to it
  std::unique_ptr<UcxWorker> shared_memory_;
  std::unique_ptr<UcxRing> own_ring_;
  ucp_ep_h endpoint_ = nullptr;
  std::unique_ptr<UcxRemoteRing> ring_;
  PeerId peer_;
  int given_back_ = 0;
  int pings_ = 0;
};

class SlotTest : public testing::Test {
 protected:
  SlotTest() : node({}, 8), raw(*node.link), content(node.memory.layout.block_bytes()) {
    content[5] = std::byte{1};
    node.link->open_landing({kTicket, raw.peer(), node.slab, block_range(2, 1)}, arrived.callback());
    settle(*node.link);
    good.ticket = kTicket;
    good.places = 1;
    good.layers = 3;
    good.bytes = content.size();
    good.last = true;
    good.pieces = 1;
    good.checked = true;
    good.checksum = checksum_of(content);
    good.slot = 1;
    raw.fill(0, content);
  }
  /// The good piece lands after all, so that what was announced before it has been judged.
  void expect_refused(std::uint64_t pieces, int given_back) {
    EXPECT_TRUE(node.memory.untouched());
    raw.announce(good);
    raw.await([&] { return raw.given_back() == given_back + 1; });
    EXPECT_TRUE(arrived.get().ok());
    EXPECT_EQ(node.link->counters().pieces_refused, pieces);
    EXPECT_EQ(node.memory.at(0, BlockId{2})[5], std::byte{1});
  }

  static constexpr Ticket kTicket{5, 6};
  Node node;
  RawSlotPeer raw;
  std::vector<std::byte> content;
  PieceHeader good;
  Heard<Result<Arrival>> arrived;
};

TEST_F(SlotTest, APieceInASlotLandsAndTheSlotIsGivenBack) { expect_refused(0, 0); }

TEST_F(SlotTest, SlotsThatDoNotExistAreRefused) {
  for (const std::uint32_t slot : {std::uint32_t{0}, kSlots + 1, ~std::uint32_t{0}}) {
    PieceHeader forged = good;
    forged.slot = slot;
    raw.announce(forged);
  }
  expect_refused(3, 0);
}

TEST_F(SlotTest, APieceLongerThanItsSlotIsRefused) {
  PieceHeader forged;
  forged.probe = true;
  forged.slot = kSlots;  // what lies behind the last one is not the sender's
  forged.bytes = kSlotBytes + 1;
  raw.announce(forged);
  expect_refused(1, 0);
}

TEST_F(SlotTest, PlacesLayersAndSizesThatDoNotFitAreRefusedAndTheSlotIsGivenBack) {
  std::vector<PieceHeader> forged(5, good);
  forged[0].first_place = 1;
  forged[1].places = 0xffffffff;
  forged[2].layers = 2;
  forged[3].checked = false;
  forged[4].ticket = {5, 7};
  for (const auto& header : forged) raw.announce(header);
  expect_refused(5, 5);
}

TEST_F(SlotTest, HeadersOfEveryWrongLengthAndEveryFlippedBitAreRefused) {
  PieceHeader header = good;
  header.link_id = 0xfedcba;
  const auto bytes = encode(header);
  for (std::size_t length = 0; length < bytes.size(); ++length) raw.announce(std::span(bytes).first(length));
  for (std::size_t bit = 0; bit < kHeaderBytes * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    raw.announce(damaged);
  }
  expect_refused(kHeaderBytes + kHeaderBytes * 8, 0);
}

TEST_F(SlotTest, ASlotThatIsAnnouncedAgainBeforeItIsGivenBackLandsOnce) {
  raw.announce(good);
  raw.announce(good);
  EXPECT_TRUE(arrived.get().ok());
  Heard<Result<Arrival>> fence;
  node.link->open_landing({{1, 1}, raw.peer(), node.slab, block_range(3, 1)}, fence.callback());
  settle(*node.link);
  good.ticket = {1, 1};
  good.slot = 2;
  raw.fill(1, content);
  raw.announce(good);
  EXPECT_TRUE(fence.get().ok());
  EXPECT_EQ(node.link->counters().pieces_refused, 1u);
}

TEST_F(SlotTest, ASlotThatIsWrittenAfterItsChecksumWasTakenEndsTheLanding) {
  content[7] = std::byte{9};
  raw.fill(0, content);  // as by one that uses it again too early
  raw.announce(good);
  raw.await([&] { return raw.given_back() == 1; });
  const auto arrival = arrived.get();
  EXPECT_EQ(arrival.error().code, ErrorCode::kInvalidInput);
  EXPECT_THAT(arrival.error().message, HasSubstr("checksum"));
  EXPECT_EQ(node.link->counters().checksum_failures, 1u);
}

TEST_F(SlotTest, APieceOfALandingThatIsClosedGoesNowhere) {
  node.link->close_landing(kTicket);
  EXPECT_EQ(arrived.get().error().code, ErrorCode::kCancelled);
  raw.announce(good);
  raw.await([&] { return raw.given_back() == 1; });
  EXPECT_TRUE(node.memory.untouched());
  EXPECT_EQ(node.link->counters().pieces_refused, 1u);
}

TEST_F(SlotTest, WhatADroppedPeerWritesReachesNobody) {
  Heard<int> dropped;
  node.link->drop_peer(raw.peer(), [done = dropped.callback()] { done(1); });
  raw.await([&] { return node.link->path(raw.peer()).transport == "none"; });
  dropped.get();
  EXPECT_EQ(arrived.get().error().code, ErrorCode::kUnavailable);
  // Its own mapping is as good as ever; the pages are nobody else's.
  for (std::uint32_t slot = 0; slot < raw.ring().slots(); ++slot) {
    const auto bytes = raw.ring().slot(slot);
    std::fill(bytes.begin(), bytes.end(), std::byte{0xee});
  }
  Node other({}, 8);
  node.memory.fill(3);
  const auto pair = introduce(node, other, Transport::kSharedMemory);
  Heard<Result<Arrival>> landed;
  other.link->open_landing({kTicket, pair.a_of_b, other.slab, block_range(0, 8)}, landed.callback());
  settle(*other.link);
  node.link->push(pair.b_of_a, whole(node, kTicket, block_range(0, 8)), [](auto) {});
  EXPECT_TRUE(landed.get().ok());
  EXPECT_EQ(other.memory.memory, node.memory.memory);
}

TEST(SlotOffer, OneThatIsOutOfReachIsDoneWithoutInThatDirection) {
  Node node({}, 8);
  Node other({}, 8);
  node.memory.fill(1);
  other.memory.fill(2);
  PeerId other_of_node;
  PeerId node_of_other;
  std::vector<std::string> words;
  node.link->on_word([&](PeerId, std::string word) { words.push_back(std::move(word)); });
  other.link->on_word([&](PeerId, std::string word) { node.link->hear(other_of_node, std::move(word)); });
  node_of_other = other.link->add_peer(node.link->address()).value();
  settle(*other.link);
  other_of_node = node.link->add_peer(other.link->address()).value();
  settle(*node.link);
  NodeAddress offer = decode_address(words.at(0)).value();
  ++offer.ring.id;
  other.link->hear(node_of_other, encode(offer));
  await_path(*other.link, node_of_other, Transport::kTcp);
  EXPECT_THAT(other.link->path(node_of_other).why, HasSubstr("slots"));
  const auto transfer = [](Node& from, PeerId to, Node& into, PeerId sender, Ticket ticket) {
    Heard<Result<Arrival>> landed;
    into.link->open_landing({ticket, sender, into.slab, block_range(0, 4)}, landed.callback());
    settle(*into.link);
    from.link->push(to, whole(from, ticket, block_range(4, 4)), [](auto) {});
    const auto arrival = landed.get();
    EXPECT_TRUE(arrival.ok()) << arrival.error().message;
  };
  transfer(other, node_of_other, node, other_of_node, {1, 1});
  transfer(node, other_of_node, other, node_of_other, {2, 2});
}

TEST(SlotOffer, OnesThatAreForgedLeaveThePeerOnTcp) {
  const std::vector<RawSlotPeer::Change> changes = {
      [](RingOffer& offer) { ++offer.id; },
      [](RingOffer& offer) { offer.base += 4096; },
      [](RingOffer& offer) { offer.base -= std::uint64_t{1} << 32; },
      [](RingOffer& offer) { offer.slots = kMostSlots; },
      [](RingOffer& offer) { offer.slots = 0; },
      [](RingOffer& offer) { offer.slots = ~std::uint32_t{0}; },
      [](RingOffer& offer) { offer.slot_bytes = ~std::uint64_t{0}; },
      [](RingOffer& offer) { offer.slot_bytes = kMostSlotBytes; },
      [](RingOffer& offer) { offer.key.clear(); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Node node({}, 4);
    RawSlotPeer raw(*node.link, changes[i]);
    raw.await([&] { return raw.pings() > 0; });
    EXPECT_EQ(node.link->path(raw.peer()).transport, "tcp lo") << i;
    EXPECT_THAT(node.link->path(raw.peer()).why, HasSubstr("slots")) << i;
  }
}

}  // namespace
}  // namespace troupe::link
