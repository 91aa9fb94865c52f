#include "runtime/control/caf_frames.hpp"

#include <caf/io/basp/header.hpp>
#include <caf/io/basp/version.hpp>

namespace troupe::control {
namespace {

using caf::io::basp::header;
using caf::io::basp::message_type;

static_assert(caf::io::basp::header_size == kCafHeaderBytes);
static_assert(caf::io::basp::version == 3);

/// Network byte order, as CAF writes numbers.
std::uint64_t number_at(std::span<const char, kCafHeaderBytes> bytes, std::size_t at, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

struct Rule {
  bool allowed = false;
  std::uint32_t least = 0;
  std::uint32_t most = 0;
};

}  // namespace

Result<std::uint32_t> CafFrames::take(std::span<const char, kCafHeaderBytes> bytes) {
  const auto operation = static_cast<unsigned char>(bytes[0]);
  const auto flags = static_cast<unsigned char>(bytes[3]);
  const auto length = static_cast<std::uint32_t>(number_at(bytes, 4, 4));
  const std::uint64_t data = number_at(bytes, 8, 8);
  const std::uint64_t source = number_at(bytes, 16, 8);
  const std::uint64_t target = number_at(bytes, 24, 8);
  const auto refused = [&](const std::string& why) {
    return Error{ErrorCode::kInvalidInput,
                 "a frame of kind " + std::to_string(operation) + " with " + std::to_string(length) + " bytes: " + why};
  };
  if (bytes[1] != 0 || bytes[2] != 0) return refused("it is no header of CAF's");
  const auto kind = static_cast<message_type>(operation);
  const bool handshake = kind == message_type::server_handshake || kind == message_type::client_handshake;
  if (!handshake && handshakes_ == 0) return refused("a handshake was due first");
  if (handshake && handshakes_ == (sender_ == Side::kDialler ? 2 : 1)) return refused("one handshake too many");
  Rule rule;
  switch (kind) {
    case message_type::server_handshake:
      if (sender_ != Side::kListener || flags != 0) break;
      if (data != caf::io::basp::version) return refused("it is of another version of CAF");
      rule = {source == 0 && target == 0, 1, kMostCafBytes};
      break;
    case message_type::client_handshake:
      // Once when it has the listener's, and once more to say that this connection is the one to use.
      rule = {sender_ == Side::kDialler && flags == (handshakes_ == 0 ? 0 : header::select_connection_flag) &&
                  source == 0 && target == 0,
              1, kMostCafBytes};
      break;
    case message_type::direct_message:
      rule = {target != 0 && (flags & ~header::named_receiver_flag) == 0, 1, kMostMessageBytes};
      break;
    case message_type::monitor_message:
      rule = {flags == 0 && data == 0 && source == 0 && target != 0, 1, kMostCafBytes};
      break;
    case message_type::down_message:
      rule = {flags == 0 && data == 0 && source != 0 && target == 0, 1, kMostCafBytes};
      break;
    case message_type::heartbeat:
      rule = {flags == 0 && data == 0 && source == 0 && target == 0, 0, 0};
      break;
    case message_type::routed_message:
      // Nodes are all connected to each other: none passes on what another says.
      break;
  }
  if (!rule.allowed) return refused("nodes do not send such");
  if (length < rule.least || length > rule.most) {
    return refused("its length must be from " + std::to_string(rule.least) + " to " + std::to_string(rule.most));
  }
  if (handshake) ++handshakes_;
  return length;
}

}  // namespace troupe::control
