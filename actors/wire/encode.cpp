#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/io.h>

#include <array>

#include "actors/wire/codec.hpp"

namespace troupe::wire {
namespace {

struct BodyWriter {
  schema::Frame::Builder frame;
  TimePoint now;

  void operator()(const Hello& hello) { write(hello, frame.initHello()); }
  void operator()(const Refused& refused) { write(refused, frame.initRefused()); }
  void operator()(const MachineUp& up) { write(up, frame.initMachineUp()); }
  void operator()(const MachineDown& down) { write(down, frame.initMachineDown()); }
  void operator()(const Beat& beat) { write(beat, frame.initBeat()); }
  void operator()(const Admit& admit) { write(admit, frame.initAdmit()); }
  void operator()(const Cancel& cancel) { write(cancel, frame.initCancel()); }
  void operator()(const StartPrompt& start) { write(start, frame.initStartPrompt()); }
  void operator()(const StopPrompt& stop) { write(stop, frame.initStopPrompt()); }
  void operator()(const PromptStopped& stopped) { write(stopped, frame.initPromptStopped()); }
  void operator()(const Progress& progress) { write(progress, frame.initProgress(), now); }
  void operator()(const TraceQuery& query) { write(query, frame.initTraceQuery()); }
  void operator()(const TraceReply& reply) { write(reply, frame.initTraceReply()); }
  void operator()(const Order& order) { write(order, frame.initOrder()); }
  void operator()(const RouteAsk& ask) { write(ask, frame.initRouteAsk()); }
  void operator()(const RouteAnswer& answer) { write(answer, frame.initRouteAnswer()); }
  void operator()(const RouteNews& news) { write(news, frame.initRouteNews()); }
  void operator()(const RouteLost& lost) { write(lost, frame.initRouteLost()); }
  void operator()(const BlocksQuery& query) { write(query, frame.initBlocksQuery()); }
  void operator()(const BlocksReply& reply) { write(reply, frame.initBlocksReply()); }
  void operator()(const ProbeQuery& query) { write(query, frame.initProbeQuery()); }
  void operator()(const ProbeReply& reply) { write(reply, frame.initProbeReply()); }
  void operator()(const LinkWord& word) { write(word, frame.initLinkWord()); }
};

}  // namespace

const char* name_of(const Message& message) {
  static constexpr std::array<const char*, std::variant_size_v<Message>> kNames = {
      "Hello",       "Refused",     "MachineUp",  "MachineDown",   "Beat",      "Admit",
      "Cancel",      "StartPrompt", "StopPrompt", "PromptStopped", "Progress",  "TraceQuery",
      "TraceReply",  "Order",       "RouteAsk",   "RouteAnswer",   "RouteNews", "RouteLost",
      "BlocksQuery", "BlocksReply", "ProbeQuery", "ProbeReply",    "LinkWord"};
  static_assert(kNames.back() != nullptr);
  return kNames.at(message.index());
}

std::vector<char> encode(const Frame& frame, TimePoint now) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::Frame>();
  root.setSession(frame.session);
  std::visit(BodyWriter{root, now}, frame.message);
  std::vector<char> bytes(capnp::computeSerializedSizeInWords(builder) * sizeof(capnp::word));
  kj::ArrayOutputStream out(kj::arrayPtr(reinterpret_cast<kj::byte*>(bytes.data()), bytes.size()));
  capnp::writeMessage(out, builder);
  return bytes;
}

}  // namespace troupe::wire
