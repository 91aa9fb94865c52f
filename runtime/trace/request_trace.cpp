#include "runtime/trace/request_trace.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <unordered_map>

#include <nlohmann/json.hpp>

namespace troupe::trace {
namespace {

std::string us(std::int64_t ns) {
  if (ns < 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", static_cast<double>(ns) / 1e3);
  return text;
}

/// A line of the table: one message, or several of one kind.
struct Line {
  const Message* first = nullptr;
  const Message* last = nullptr;
  std::size_t count = 0;
  std::int64_t waited_ns = -1;   // the longest
  std::int64_t handled_ns = -1;  // the longest
};

bool same_kind(const Message& a, const Message& b) {
  return a.name == b.name && a.node == b.node && a.from == b.from && a.to == b.to && a.note.empty() && b.note.empty();
}

/// How often the `period` messages from `at` on stand there in a row.
std::size_t repeats(const std::vector<Message>& messages, std::size_t at, std::size_t period) {
  std::size_t count = 1;
  for (std::size_t next = at + period; next + period <= messages.size(); next += period, ++count)
    for (std::size_t i = 0; i < period; ++i)
      if (!same_kind(messages[at + i], messages[next + i])) return count;
  return count;
}

/// Tokens come as the same one or two messages over and over: those are shown once, with how often.
std::vector<Line> lines_of(const std::vector<Message>& messages) {
  std::vector<Line> lines;
  for (std::size_t at = 0; at < messages.size();) {
    std::size_t period = 1;
    std::size_t count = repeats(messages, at, 1);
    if (const std::size_t pairs = repeats(messages, at, 2); count == 1 && pairs >= 3) {
      period = 2;
      count = pairs;
    }
    for (std::size_t i = 0; i < period; ++i) {
      Line line{&messages[at + i], &messages[at + i + (count - 1) * period], count, -1, -1};
      for (std::size_t k = 0; k < count; ++k) {
        line.waited_ns = std::max(line.waited_ns, messages[at + i + k * period].waited_ns);
        line.handled_ns = std::max(line.handled_ns, messages[at + i + k * period].handled_ns);
      }
      lines.push_back(line);
    }
    at += period * count;
  }
  return lines;
}

}  // namespace

RequestTrace trace_request(RequestId request, std::int64_t began_ns, const std::vector<Event>& events,
                           const std::vector<Note>& notes) {
  RequestTrace trace;
  trace.request = request;
  trace.complete = events.empty() || events.front().number == 1 || events.front().time_ns <= began_ns;
  // The recorder hears that a request began while that may already send.
  for (const auto& event : events)
    if (event.request == request) began_ns = std::min(began_ns, event.time_ns);
  std::unordered_map<std::uint32_t, std::string> names;
  for (const auto& event : events)
    if (event.kind == EventKind::kHandled) names[event.to] = event.actor;
  const auto name_of = [&](std::uint32_t actor) -> std::string {
    if (actor == 0) return "outside";
    const auto found = names.find(actor);
    return found == names.end() ? "actor " + std::to_string(actor) : found->second;
  };

  // A message's element is used again after it was handled, so the first handling after a sending is that sending's.
  std::unordered_map<std::uint64_t, std::size_t> open;
  for (const auto& event : events) {
    if (event.request != request) continue;
    if (event.kind == EventKind::kSent) {
      Message message;
      message.name = event.type->name;
      message.from = name_of(event.from);
      message.to = name_of(event.to);
      message.sent_ns = event.time_ns - began_ns;
      open[event.element] = trace.messages.size();
      trace.messages.push_back(std::move(message));
      continue;
    }
    const auto sent = open.find(event.element);
    if (sent == open.end()) continue;
    auto& message = trace.messages[sent->second];
    message.waited_ns = event.time_ns - began_ns - message.sent_ns;
    message.handled_ns = event.handling_ns;
    for (const auto& note : notes)
      if (note.element == event.element && note.time_ns == event.time_ns) message.note = note.text;
    open.erase(sent);
  }
  trace.began_ns = began_ns;
  sort_messages(trace);  // threads number their events a little later than they time them
  return trace;
}

void sort_messages(RequestTrace& trace) {
  std::stable_sort(trace.messages.begin(), trace.messages.end(),
                   [](const Message& a, const Message& b) { return a.sent_ns < b.sent_ns; });
}

namespace {

std::string ms(std::int64_t ns) {
  char text[48];
  std::snprintf(text, sizeof text, "%.3f ms", static_cast<double>(ns) / 1e6);
  return text;
}

/// How long a client waits for its second token on account of the KV's way; -1: not known.
std::int64_t exposed_tail_ns(const Transfer& transfer) {
  if (!transfer.arrived || transfer.first_token_ns < 0 || transfer.ended_ns < 0) return -1;
  return std::max<std::int64_t>(0, transfer.ended_ns - transfer.first_token_ns);
}

std::string as_text(const Transfer& transfer) {
  const auto name = [](const std::string& node) { return node.empty() ? std::string("?") : node; };
  std::string text = "KV from " + name(transfer.from) + " to " + name(transfer.to) + ": ";
  char amount[96];
  std::snprintf(amount, sizeof amount, "%.3f MB in %d group%s of layers", static_cast<double>(transfer.bytes) / 1e6,
                transfer.groups, transfer.groups == 1 ? "" : "s");
  text += amount;
  if (transfer.began_ns >= 0) text += ", asked for at " + ms(transfer.began_ns);
  if (transfer.first_token_ns >= 0) text += ", first token at " + ms(transfer.first_token_ns);
  if (transfer.arrived) {
    text += ", there at " + ms(transfer.ended_ns);
    if (transfer.began_ns >= 0) text += ", " + ms(transfer.ended_ns - transfer.began_ns) + " under way with its prompt";
  } else if (transfer.ended_ns >= 0) {
    text += ", given up at " + ms(transfer.ended_ns) + ": " + transfer.problem;
  } else {
    text += ", not there yet, or its end is not recorded";
  }
  if (const auto tail = exposed_tail_ns(transfer); tail >= 0) text += "; exposed tail " + ms(tail);
  return text + "\n";
}

}  // namespace

std::string as_text(const RequestTrace& trace) {
  std::string text =
      "request " + std::to_string(trace.request.value) + ", " + std::to_string(trace.messages.size()) + " messages\n";
  if (!trace.complete) text += "Its first messages are not in the ring any more (trace.ring_size).\n";
  for (const auto& clock : trace.clocks) {
    char line[200];
    std::snprintf(line, sizeof line, "The clock of %s was %.3f ms ahead, give or take %.3f ms; its times are put right",
                  clock.node.c_str(), static_cast<double>(clock.ahead_ns) / 1e6,
                  static_cast<double>(clock.error_ns) / 1e6);
    text += line;
    if (clock.moved_ns != 0) text += ", and moved by " + ms(clock.moved_ns) + " so that causes come first";
    text += ".\n";
  }
  for (const auto& node : trace.silent) text += "Node " + node + " did not answer in time: its messages are missing.\n";
  for (const auto& transfer : trace.transfers) text += as_text(transfer);
  std::size_t widest = 0;
  for (const auto& message : trace.messages) widest = std::max(widest, message.node.size());
  text += "\n     sent ms  waited us  handled us  " +
          (widest > 0 ? "node" + std::string(widest > 4 ? widest - 2 : 2, ' ') : "") + "message\n";
  for (const auto& shown : lines_of(trace.messages)) {
    char line[160];
    std::snprintf(line, sizeof line, "%12.3f %10s %11s  ", static_cast<double>(shown.first->sent_ns) / 1e6,
                  us(shown.waited_ns).c_str(), us(shown.handled_ns).c_str());
    text += line;
    if (widest > 0)
      text += shown.first->node + std::string(std::max<std::size_t>(widest, 4) + 2 - shown.first->node.size(), ' ');
    text += shown.first->from + " -> " + shown.first->to + "  " + shown.first->name;
    if (shown.count > 1) {
      std::snprintf(line, sizeof line, "  x %zu, the last at %.3f ms (the longest wait and handling shown)",
                    shown.count, static_cast<double>(shown.last->sent_ns) / 1e6);
      text += line;
    }
    text += "\n";
    std::size_t begin = 0;
    for (std::size_t end; begin < shown.first->note.size(); begin = end + 1) {
      end = std::min(shown.first->note.find('\n', begin), shown.first->note.size());
      text += std::string(38, ' ') + "| " + shown.first->note.substr(begin, end - begin) + "\n";
    }
  }
  return text;
}

std::string as_json(const RequestTrace& trace) {
  using Json = nlohmann::ordered_json;
  const auto micro = [](std::int64_t ns) { return ns < 0 ? Json(nullptr) : Json(static_cast<double>(ns) / 1e3); };
  Json messages = Json::array();
  for (const auto& message : trace.messages) {
    Json entry = {{"name", message.name},
                  {"from", message.from},
                  {"to", message.to},
                  {"sent_us", micro(message.sent_ns)},
                  {"waited_us", micro(message.waited_ns)},
                  {"handled_us", micro(message.handled_ns)}};
    if (!message.node.empty()) entry["node"] = message.node;
    if (!message.note.empty()) entry["note"] = message.note;
    messages.push_back(std::move(entry));
  }
  Json json{{"request", trace.request.value}, {"complete", trace.complete}, {"messages", std::move(messages)}};
  for (const auto& clock : trace.clocks)
    json["clocks"].push_back({{"node", clock.node},
                              {"ahead_us", static_cast<double>(clock.ahead_ns) / 1e3},
                              {"error_us", static_cast<double>(clock.error_ns) / 1e3},
                              {"moved_us", static_cast<double>(clock.moved_ns) / 1e3}});
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  for (const auto& transfer : trace.transfers)
    json["transfers"].push_back({{"from", text_or_null(transfer.from)},
                                 {"to", text_or_null(transfer.to)},
                                 {"groups", transfer.groups},
                                 {"bytes", transfer.bytes},
                                 {"began_us", micro(transfer.began_ns)},
                                 {"first_token_us", micro(transfer.first_token_ns)},
                                 {"ended_us", micro(transfer.ended_ns)},
                                 {"arrived", transfer.arrived},
                                 {"exposed_tail_us", micro(exposed_tail_ns(transfer))},
                                 {"problem", text_or_null(transfer.problem)}});
  for (const auto& node : trace.silent) json["silent"].push_back(node);
  return json.dump();
}

}  // namespace troupe::trace
