#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>

#include "actors/wire/codec.hpp"

namespace troupe::wire {
namespace {

/// Each struct and list of a frame is read once, and far pointers a second time by has...(): what refers to the same
/// bytes oftener runs out of twice its own size.
capnp::ReaderOptions limits_for(std::size_t words) {
  constexpr int kDeepest = 16;  // Frame.progress.news[].produced.promptLogprobs[].top[] and as much again
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 2 * words;
  options.nestingLimit = kDeepest;
  return options;
}

/// Reads the body where there is one, under the message's name.
template <class Read>
Result<Message> read_body(const char* name, bool present, Read&& read_it) {
  Intake in(name);
  in.present(present);
  Message message = read_it(in);
  if (in.refusal()) return *in.refusal();
  return message;
}

Result<Message> read_message(schema::Frame::Reader frame, TimePoint now) {
  switch (frame.which()) {
    case schema::Frame::HELLO:
      return read_body("Hello", frame.hasHello(), [&](Intake& in) { return read(in, frame.getHello()); });
    case schema::Frame::REFUSED:
      return read_body("Refused", frame.hasRefused(), [&](Intake& in) { return read(in, frame.getRefused()); });
    case schema::Frame::MACHINE_UP:
      return read_body("MachineUp", frame.hasMachineUp(), [&](Intake& in) { return read(in, frame.getMachineUp()); });
    case schema::Frame::MACHINE_DOWN:
      return read_body("MachineDown", frame.hasMachineDown(),
                       [&](Intake& in) { return read(in, frame.getMachineDown()); });
    case schema::Frame::BEAT:
      return read_body("Beat", frame.hasBeat(), [&](Intake& in) { return read(in, frame.getBeat()); });
    case schema::Frame::ADMIT:
      return read_body("Admit", frame.hasAdmit(), [&](Intake& in) { return read(in, frame.getAdmit()); });
    case schema::Frame::CANCEL:
      return read_body("Cancel", frame.hasCancel(), [&](Intake& in) { return read(in, frame.getCancel()); });
    case schema::Frame::START_PROMPT:
      return read_body("StartPrompt", frame.hasStartPrompt(),
                       [&](Intake& in) { return read(in, frame.getStartPrompt()); });
    case schema::Frame::STOP_PROMPT:
      return read_body("StopPrompt", frame.hasStopPrompt(),
                       [&](Intake& in) { return read(in, frame.getStopPrompt()); });
    case schema::Frame::PROMPT_STOPPED:
      return read_body("PromptStopped", frame.hasPromptStopped(),
                       [&](Intake& in) { return read(in, frame.getPromptStopped()); });
    case schema::Frame::PROGRESS:
      return read_body("Progress", frame.hasProgress(), [&](Intake& in) { return read(in, frame.getProgress(), now); });
    case schema::Frame::ORDER:
      return read_body("Order", frame.hasOrder(), [&](Intake& in) { return read(in, frame.getOrder()); });
    case schema::Frame::ROUTE_ASK:
      return read_body("RouteAsk", frame.hasRouteAsk(), [&](Intake& in) { return read(in, frame.getRouteAsk()); });
    case schema::Frame::ROUTE_ANSWER:
      return read_body("RouteAnswer", frame.hasRouteAnswer(),
                       [&](Intake& in) { return read(in, frame.getRouteAnswer()); });
    case schema::Frame::ROUTE_NEWS:
      return read_body("RouteNews", frame.hasRouteNews(), [&](Intake& in) { return read(in, frame.getRouteNews()); });
    case schema::Frame::ROUTE_LOST:
      return read_body("RouteLost", frame.hasRouteLost(), [&](Intake& in) { return read(in, frame.getRouteLost()); });
    case schema::Frame::TRACE_QUERY:
      return read_body("TraceQuery", frame.hasTraceQuery(),
                       [&](Intake& in) { return read(in, frame.getTraceQuery()); });
    case schema::Frame::TRACE_REPLY:
      return read_body("TraceReply", frame.hasTraceReply(),
                       [&](Intake& in) { return read(in, frame.getTraceReply()); });
    case schema::Frame::BLOCKS_QUERY:
      return read_body("BlocksQuery", frame.hasBlocksQuery(),
                       [&](Intake& in) { return read(in, frame.getBlocksQuery()); });
    case schema::Frame::BLOCKS_REPLY:
      return read_body("BlocksReply", frame.hasBlocksReply(),
                       [&](Intake& in) { return read(in, frame.getBlocksReply()); });
    case schema::Frame::PROBE_QUERY:
      return read_body("ProbeQuery", frame.hasProbeQuery(),
                       [&](Intake& in) { return read(in, frame.getProbeQuery()); });
    case schema::Frame::PROBE_REPLY:
      return read_body("ProbeReply", frame.hasProbeReply(),
                       [&](Intake& in) { return read(in, frame.getProbeReply()); });
    case schema::Frame::LINK_WORD:
      return read_body("LinkWord", frame.hasLinkWord(), [&](Intake& in) { return read(in, frame.getLinkWord()); });
  }
  Intake in("Frame");
  in.unknown_kind(frame.which());
  return *in.refusal();
}

Result<Frame> read_frame(kj::ArrayPtr<const capnp::word> words, TimePoint now) {
  capnp::FlatArrayMessageReader reader(words, limits_for(words.size()));
  const auto root = reader.getRoot<schema::Frame>();
  TRY(message, read_message(root, now));
  if (reader.getEnd() != words.end())
    return refused_frame(
        ErrorCode::kInvalidInput,
        std::to_string((words.end() - reader.getEnd()) * sizeof(capnp::word)) + " bytes follow its end.");
  return Frame{root.getSession(), std::move(message)};
}

}  // namespace

Result<Frame> decode(std::span<const char> bytes, TimePoint now) {
  if (bytes.size() > kMostFrameBytes)
    return refused_frame(ErrorCode::kTooLarge, "It has " + std::to_string(bytes.size()) + " bytes; expected at most " +
                                                   std::to_string(kMostFrameBytes) + ".");
  if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0)
    return refused_frame(ErrorCode::kInvalidInput,
                         "It has " + std::to_string(bytes.size()) + " bytes; expected a multiple of 8 above 0.");
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.asBytes().begin(), bytes.data(), bytes.size());
  try {
    return read_frame(words, now);
  } catch (const kj::Exception& problem) {
    constexpr std::size_t kMostShown = 200;
    const auto text = problem.getDescription();
    return refused_frame(ErrorCode::kInvalidInput, "It is no well-formed Cap'n Proto message (" +
                                                       readable({text.begin(), text.size()}, kMostShown) + ").");
  }
}

}  // namespace troupe::wire
