// What a UCX link refuses: a raw UCX peer sends what no link would, addresses and options that cannot be used; and what
// it leaves alone on its host.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "runtime/link/node_address.hpp"
#include "runtime/link/signal.hpp"
#include "runtime/link/tcp_door.hpp"
#include "runtime/link/ucx_ring.hpp"
#include "tests/unit/runtime/link/ucx_fixture.hpp"

namespace troupe::link {
namespace {

using testing::HasSubstr;

/// What no link would send: any header, any bytes, from a peer that the receiver knows.
class RawPeer {
 public:
  explicit RawPeer(Link& to) : worker_(std::move(UcxWorker::open(Transport::kTcp, "lo")).value()) {
    worker_->on_message(
        kSignalMessage,
        [](void* self, const void*, std::size_t, void*, std::size_t, const ucp_am_recv_param_t*) {
          static_cast<RawPeer*>(self)->heard_ = true;
          return UCS_OK;
        },
        this);
    const NodeAddress own{
        .link_id = kLinkId, .host = host_identity(), .network = network_identity(), .tcp = worker_->address()};
    peer_ = to.add_peer(encode(own)).value();
    settle(to);  // which opens its port
    const std::string address = decode_address(to.address()).value().tcp;
    ucp_ep_params_t params{};
    params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE;
    params.address = reinterpret_cast<const ucp_address_t*>(address.data());
    params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
    CHECK(ucp_ep_create(worker_->handle(), &params, &endpoint_) == UCS_OK);
    while (!heard_) worker_->progress();  // UCX 1.13 asserts where a worker ends while it is being wired up
  }

  static constexpr std::uint64_t kLinkId = 0xabcdef;
  PeerId peer() const { return peer_; }

  void send(std::span<const std::byte> header, std::span<const std::byte> bytes, unsigned id = kPieceMessage) {
    ucp_request_param_t param{};
    param.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
    param.flags = bytes.size() > 4096 ? UCP_AM_SEND_FLAG_RNDV : 0;
    wait(ucp_am_send_nbx(endpoint_, id, header.data(), header.size(), bytes.data(), bytes.size(), &param));
  }
  void send(PieceHeader header, std::span<const std::byte> bytes) {
    header.link_id = kLinkId;
    send(encode(header), bytes);
  }

 private:
  void wait(ucs_status_ptr_t request) {
    if (!UCS_PTR_IS_PTR(request)) return;
    while (ucp_request_check_status(request) == UCS_INPROGRESS) worker_->progress();
    ucp_request_free(request);
  }

  std::unique_ptr<UcxWorker> worker_;
  ucp_ep_h endpoint_ = nullptr;
  bool heard_ = false;
  PeerId peer_;
};

class ForgedPieceTest : public testing::Test {
 protected:
  ForgedPieceTest() : node({}, 8), raw(*node.link), content(node.memory.layout.block_bytes()) {
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
  }
  /// The good piece lands after all, so that what was sent before it has been judged.
  void expect_refused(std::uint64_t pieces) {
    EXPECT_TRUE(node.memory.untouched());
    raw.send(good, content);
    EXPECT_TRUE(arrived.get().ok());
    EXPECT_EQ(node.link->counters().pieces_refused, pieces);
    EXPECT_EQ(node.memory.at(0, BlockId{2})[5], std::byte{1});
  }

  static constexpr Ticket kTicket{5, 6};
  Node node;
  RawPeer raw;
  std::vector<std::byte> content;
  PieceHeader good;
  Heard<Result<Arrival>> arrived;
};

TEST_F(ForgedPieceTest, HeadersOfEveryWrongLengthAreRefused) {
  const auto header = encode(good);
  for (std::size_t length = 0; length < header.size(); ++length) raw.send(std::span(header).first(length), content);
  expect_refused(header.size());
}

TEST_F(ForgedPieceTest, EveryFlippedBitOfAHeaderIsRefused) {
  for (std::size_t bit = 0; bit < kHeaderBytes * 8; ++bit) {
    auto header = encode(good);
    header[bit / 8] ^= std::byte{1} << (bit % 8);
    raw.send(header, std::span(content).first(64));
  }
  expect_refused(kHeaderBytes * 8);
}

TEST_F(ForgedPieceTest, PlacesLayersAndSizesThatDoNotFitAreRefused) {
  std::vector<PieceHeader> forged(7, good);
  forged[0].first_place = 1;
  forged[1].first_place = 0xffffffff;
  forged[2].places = 0xffffffff;
  forged[3].first_layer = 0xffffffff;
  forged[4].layers = 4;
  forged[5].layers = 2;
  forged[6].checked = false;
  for (const auto& header : forged) raw.send(header, content);
  std::vector<std::byte> shorter(content.begin(), content.end() - 1);
  raw.send(good, shorter);
  expect_refused(8);
}

TEST_F(ForgedPieceTest, AFlippedBitOfTheContentEndsTheLandingAndNothingIsWritten) {
  content[content.size() / 2] ^= std::byte{4};
  raw.send(good, content);
  const auto arrival = arrived.get();
  EXPECT_EQ(arrival.error().code, ErrorCode::kInvalidInput);
  EXPECT_THAT(arrival.error().message, HasSubstr("checksum"));
  EXPECT_EQ(node.link->counters().checksum_failures, 1u);
  EXPECT_TRUE(node.memory.untouched());
}

TEST_F(ForgedPieceTest, WordsThatAreNoneOrAnothersOrOfNobodyAreRefused) {
  const std::string word = encode(NodeAddress{.link_id = RawPeer::kLinkId, .shared_memory = "nowhere"});
  node.link->hear(raw.peer(), "");
  node.link->hear(raw.peer(), word.substr(0, word.size() / 2));
  node.link->hear(raw.peer(), encode(NodeAddress{.link_id = 12345, .shared_memory = "nowhere"}));
  node.link->hear(PeerId{99}, word);
  settle(*node.link);
  expect_refused(4);
}

TEST_F(ForgedPieceTest, AWordWithAnAddressThatReachesNobodyLeavesThePeerOnTcp) {
  node.link->hear(raw.peer(), encode(NodeAddress{.link_id = RawPeer::kLinkId, .shared_memory = "nowhere"}));
  node.link->hear(raw.peer(), encode(NodeAddress{.link_id = RawPeer::kLinkId}));
  settle(*node.link);
  expect_refused(0);
  EXPECT_EQ(node.link->path(raw.peer()).transport, "tcp lo");
}

TEST_F(ForgedPieceTest, SignalsThatAreNoneAndSlotsThatAreNotUnderWayAreRefused) {
  raw.send({}, {}, kSignalMessage);
  raw.send({}, std::span(content).first(kSignalBytes), kSignalMessage);
  raw.send({}, content, kSignalMessage);
  for (const std::uint64_t slot : {std::uint64_t{0}, std::uint64_t{kSlots}, ~std::uint64_t{0}}) {
    raw.send({}, encode(Signal{Signal::Kind::kSlotFree, RawPeer::kLinkId, slot}), kSignalMessage);
  }
  expect_refused(6);
}

TEST_F(ForgedPieceTest, AHeaderThatNamesASlotIsRefusedWhereThereIsNone) {
  PieceHeader header = good;
  header.slot = 1;
  raw.send(header, content);
  raw.send(header, {});
  expect_refused(2);
}

TEST_F(ForgedPieceTest, AnUnknownSenderIsRefused) {
  PieceHeader stranger = good;
  stranger.link_id = 12345;
  raw.send(encode(stranger), content);
  expect_refused(1);
}

TEST(UcxLinkSetUp, PeersOfOneHostThatCannotShareMemoryUseTcpAndSayWhy) {
  Node both({}, 4);
  Node tcp_only(only(Transport::kTcp), 4);
  const Path path = both.link->path(introduce(both, tcp_only, Transport::kTcp).b_of_a);
  EXPECT_EQ(path.transport, "tcp lo");
  EXPECT_EQ(path.why, "the peer does not use shared memory");
}

TEST(UcxLinkSetUp, AddressesThatCannotBeUsedAreRefusedWithAReason) {
  Node node({}, 4);
  UcxOptions bare;
  bare.checksums = false;
  Node unchecked(bare, 4);
  EXPECT_EQ(node.link->add_peer("nonsense").error().code, ErrorCode::kInvalidInput);
  EXPECT_THAT(node.link->add_peer(unchecked.link->address()).error().message, HasSubstr("checksums"));
  EXPECT_THAT(node.link->add_peer(node.link->address()).error().message, HasSubstr("own address"));
  auto elsewhere = decode_address(Node({}, 4).link->address()).value();
  elsewhere.network = elsewhere.host = "another host";
  const auto refused = node.link->add_peer(encode(elsewhere));
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("loopback only"));
}

TEST(UcxLinkSetUp, AnAddressThatIsCutOrDamagedIsRefused) {
  const std::string address = encode(NodeAddress{.link_id = 3, .host = "h", .network = "n", .tcp = "t"});
  ASSERT_TRUE(decode_address(address).ok());
  for (std::size_t length = 0; length < address.size(); ++length) {
    EXPECT_FALSE(decode_address(address.substr(0, length)).ok()) << length;
  }
  for (std::size_t bit = 0; bit < address.size() * 8; ++bit) {
    std::string damaged = address;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode_address(damaged).ok()) << bit;
  }
}

TEST(UcxLinkSetUp, OptionsThatCannotWorkAreRefused) {
  UcxOptions tiny;
  tiny.piece_bytes = 100;
  EXPECT_EQ(start_ucx_link(tiny).error().code, ErrorCode::kConfig);
  UcxOptions nowhere;
  nowhere.tcp_device = "nosuchdevice0";
  const auto refused = start_ucx_link(nowhere);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("nosuchdevice0"));
}

TEST(UcxLinkSetUp, NothingListensBeyondLoopbackUnlessToldTo) {
  Node node({}, 4);
  std::set<std::string> own;  // inodes of this process's sockets
  for (int fd = 0; fd < 1024; ++fd) {
    char target[64] = {};
    if (readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target - 1) <= 0) continue;
    const std::string name = target;
    if (name.starts_with("socket:[")) own.insert(name.substr(8, name.size() - 9));
  }
  int listening = 0;
  for (const char* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream words(line);
      std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
      if (state != "0A" || !own.contains(inode)) continue;
      ++listening;
      EXPECT_TRUE(local.starts_with("0100007F:")) << local;
    }
  }
  EXPECT_GT(listening, 0);
}

TEST(UcxLinkSetUp, NodesThatShareMemoryNeverOpenTheTcpPort) {
  const auto before = listening_sockets();
  Node a({}, 4);
  const auto sockets = listening_since(before);
  ASSERT_FALSE(sockets.empty());
  Node b({}, 4);
  const auto shut = [&] {
    return std::all_of(sockets.begin(), sockets.end(), [](int socket) {
      socklen_t instructions = 0;
      EXPECT_EQ(getsockopt(socket, SOL_SOCKET, SO_GET_FILTER, nullptr, &instructions), 0);
      return instructions > 0;
    });
  };
  EXPECT_TRUE(shut());
  introduce(a, b, Transport::kSharedMemory);
  EXPECT_TRUE(shut());
  Node far(only(Transport::kTcp), 4);
  introduce(a, far, Transport::kTcp);
  EXPECT_FALSE(shut());
}

TEST(UcxLinkSetUp, CrashesAreLeftToTheirOwners) {
  Node node({}, 4);
  struct sigaction action {};
  sigaction(SIGSEGV, nullptr, &action);
  if (action.sa_handler == SIG_DFL) return;
  // A sanitizer has one of its own; UCX must not.
  Dl_info owner{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(action.sa_handler), &owner), 0);
  EXPECT_EQ(std::string(owner.dli_fname).find("libuc"), std::string::npos) << owner.dli_fname;
}

}  // namespace
}  // namespace troupe::link
