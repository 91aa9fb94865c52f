#include "actors/messages/transfers.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <vector>

namespace troupe {
namespace {

using trace::Message;
using trace::RequestTrace;
using trace::Transfer;

std::string tag(const Ticket& ticket) {
  char text[32];
  std::snprintf(text, sizeof text, "transfer %04x: ", static_cast<unsigned>(ticket.high >> 48));
  return text;
}

std::string in_ms(std::chrono::nanoseconds time) {
  char text[48];
  std::snprintf(text, sizeof text, "%.3f ms", static_cast<double>(time.count()) / 1e6);
  return text;
}

std::optional<unsigned> tag_in(const std::string& note) {
  unsigned tag = 0;
  int end = 0;
  if (std::sscanf(note.c_str(), "transfer %4x: %n", &tag, &end) != 1 || end == 0) return std::nullopt;
  return tag;
}

/// The bytes that a note tells of; none where what it tells of failed.
std::optional<std::int64_t> bytes_in(const std::string& note) {
  unsigned tag = 0;
  long long bytes = 0;
  int end = 0;
  const int read = std::sscanf(note.c_str(), "transfer %4x: %18lld bytes%n", &tag, &bytes, &end);
  if (read != 2 || end == 0 || bytes < 0) return std::nullopt;
  return bytes;
}

std::int64_t handled_at(const Message& message) {
  return message.sent_ns + std::max<std::int64_t>(message.waited_ns, 0);
}

/// A command that leaves a node, and what the other node sends when it has come: both are known by name. To and from
/// name actors where the message alone says too little.
struct Pair {
  const char* cause;
  const char* cause_to;
  const char* effect;
};
constexpr Pair kPairs[] = {{"AdmitElsewhere", "neighbours", "AdmitRequest"},
                           {"CancelElsewhere", "neighbours", "CancelRequest"},
                           {"RunPromptElsewhere", "neighbours", "SendKv"},
                           {"CancelPromptElsewhere", "neighbours", "StopKv"},
                           {"TokenProduced", "remote_requests", "TokenProduced"},
                           {"RequestReleased", "remote_requests", "RequestReleased"},
                           {"RequestFailed", "remote_requests", "RequestFailed"},
                           {"RouteRequest", "remote_router", "RouteRequest"},
                           {"Routed", "remote_dispatcher", "Routed"},
                           {"PromptPhaseDone", "remote_router", "PromptPhaseDone"},
                           {"RequestLeft", "remote_router", "RequestLeft"}};

/// Cause and effect, by their places in the messages.
using Links = std::vector<std::pair<std::size_t, std::size_t>>;

Links links_of(const std::vector<Message>& messages) {
  Links links;
  for (const auto& pair : kPairs) {
    std::vector<std::size_t> causes;
    std::vector<std::size_t> effects;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const auto& message = messages[i];
      if (message.name == pair.cause && message.to == pair.cause_to) causes.push_back(i);
      if (message.name == pair.effect && message.from == "neighbours" && message.to != pair.cause_to)
        effects.push_back(i);
    }
    // Where one side is not whole, nobody knows which belongs to which.
    if (causes.size() != effects.size()) continue;
    for (std::size_t i = 0; i < causes.size(); ++i)
      if (messages[causes[i]].node != messages[effects[i]].node) links.emplace_back(causes[i], effects[i]);
  }
  return links;
}

}  // namespace

std::string transfer_note(const SendKv& send) {
  return tag(send.ticket) + std::to_string(send.spec->prompt.size() + send.generated.size()) + " tokens, KV of " +
         std::to_string(send.blocks) + " blocks for m" + std::to_string(send.token_machine.value) + ", attempt " +
         std::to_string(send.attempt);
}

std::string transfer_note(const KvPushed& pushed) {
  if (!pushed.how->ok()) return tag(pushed.ticket) + "not sent: " + pushed.how->error().message;
  return tag(pushed.ticket) + std::to_string((*pushed.how)->bytes) + " bytes sent in " + in_ms((*pushed.how)->time);
}

std::string transfer_note(const LandingEnded& ended) {
  if (!ended.how->ok()) return tag(ended.ticket) + "not arrived: " + ended.how->error().message;
  return tag(ended.ticket) + std::to_string((*ended.how)->bytes) + " bytes arrived, " +
         in_ms((*ended.how)->first_to_last) + " from the first piece to the last";
}

std::string transfer_note(const KvSendEnded& ended) {
  return tag(ended.ticket) + (ended.complete ? "all was sent" : "ended before all was sent");
}

void find_transfers(RequestTrace& trace) {
  trace.transfers.clear();
  std::map<unsigned, std::size_t> known;  // by tag
  const auto transfer = [&](unsigned tag) -> Transfer& {
    const auto [found, is_new] = known.emplace(tag, trace.transfers.size());
    if (is_new) trace.transfers.emplace_back();
    return trace.transfers[found->second];
  };
  for (const auto& message : trace.messages) {
    const auto tag = tag_in(message.note);
    if (!tag) continue;
    const auto at = handled_at(message);
    if (message.name == "SendKv") {
      auto& begun = transfer(*tag);
      begun.from = message.node;
      begun.began_ns = at;
    } else if (message.name == "KvPushed") {
      auto& sent = transfer(*tag);
      sent.from = message.node;
      if (const auto bytes = bytes_in(message.note)) {
        ++sent.groups;
        // What arrived is told in one number, which word of the last push may come after.
        if (!sent.arrived) sent.bytes += *bytes;
      }
    } else if (message.name == "LandingEnded") {
      auto& landed = transfer(*tag);
      landed.to = message.node;
      landed.ended_ns = at;
      if (const auto bytes = bytes_in(message.note)) {
        landed.arrived = true;
        landed.bytes = *bytes;
      } else {
        landed.problem = message.note;
      }
    }
  }
  // The first token leaves the prompt actor of the transfer's prompt node, between the command and the arrival.
  for (auto& each : trace.transfers)
    for (const auto& message : trace.messages)
      if (each.first_token_ns < 0 && message.name == "TokenProduced" && message.from == "prompt" &&
          message.node == each.from && message.sent_ns >= each.began_ns)
        each.first_token_ns = message.sent_ns;
}

void heed_causes(RequestTrace& trace) {
  trace::sort_messages(trace);
  const auto links = links_of(trace.messages);
  // Each round moves the nodes whose times contradict what is known; it ends, as no node moves further than its error.
  for (std::size_t round = 0; round <= trace.clocks.size(); ++round) {
    bool moved = false;
    for (auto& clock : trace.clocks) {
      std::int64_t later = 0;    // by how much the node's effects come too early
      std::int64_t earlier = 0;  // and its causes too late
      for (const auto& [cause, effect] : links) {
        const auto late = handled_at(trace.messages[cause]) + 1 - trace.messages[effect].sent_ns;
        if (trace.messages[effect].node == clock.node) later = std::max(later, late);
        if (trace.messages[cause].node == clock.node) earlier = std::max(earlier, late);
      }
      const auto wanted = later > 0 ? later : -earlier;
      const auto shift = std::clamp(clock.moved_ns + wanted, -clock.error_ns, clock.error_ns) - clock.moved_ns;
      if (shift == 0 || (later > 0 && earlier > 0)) continue;  // no shift satisfies both
      clock.moved_ns += shift;
      moved = true;
      for (auto& message : trace.messages)
        if (message.node == clock.node) message.sent_ns += shift;
    }
    if (!moved) break;
  }
  trace::sort_messages(trace);
}

std::string moves_of(const RequestTrace& trace) {
  std::string text;
  std::string why;
  int attempts = 0;
  for (const auto& message : trace.messages) {
    // What the request itself was told; the same word on other nodes is on its way there.
    const bool left = message.to == "request" && (message.name == "MachineLost" || message.name == "RequestFailed");
    if (left) why = message.note;
    if (message.name != "RouteDecided") continue;
    char at[64];
    std::snprintf(at, sizeof at, "attempt %d at %.3f ms: ", attempts++, static_cast<double>(message.sent_ns) / 1e6);
    text += at + message.note.substr(0, message.note.find('\n'));
    if (attempts > 1 && !why.empty()) text += " (before: " + why + ")";
    text += "\n";
    why.clear();
  }
  return attempts > 1 ? "The request moved:\n" + text : "";
}

}  // namespace troupe
