// One request's messages, joined from the recorder's events, for people and programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/trace/flight_recorder.hpp"

namespace troupe::trace {

/// A message from its sending to the end of its handling.
struct Message {
  std::string node;  ///< where it was sent and handled; empty where there is one node
  std::string name;
  std::string from;  ///< "router", "outside"
  std::string to;
  std::int64_t sent_ns = 0;      ///< since the request began
  std::int64_t waited_ns = -1;   ///< in the mailbox; -1: not handled yet, or its end is not recorded any more
  std::int64_t handled_ns = -1;  ///< by the receiver
  std::string note;
};

/// How another node's clock was brought into line with this one's.
struct ClockOffset {
  std::string node;
  std::int64_t ahead_ns = 0;  ///< of this node's clock
  std::int64_t error_ns = 0;  ///< by how much that may be wrong either way
  std::int64_t moved_ns = 0;  ///< added to its times, within the error, so that no effect comes before its cause
};

/// One prompt's KV on its way from a prompt machine to a token machine. Times are since the request began; -1: not
/// known.
struct Transfer {
  std::string from{};  ///< nodes; empty: not known
  std::string to{};
  std::int32_t groups = 0;  ///< pushes: layers that travelled together
  std::int64_t bytes = 0;
  std::int64_t began_ns = -1;        ///< the prompt machine was told
  std::int64_t first_token_ns = -1;  ///< it left the prompt machine for the client
  std::int64_t ended_ns = -1;        ///< the landing ended
  bool arrived = false;              ///< whole
  std::string problem{};             ///< why it is not
};

struct RequestTrace {
  RequestId request;
  std::int64_t began_ns = 0;          ///< of this node's clock
  std::vector<ClockOffset> clocks{};  ///< of the other nodes that had something to tell
  std::vector<std::string> silent{};  ///< nodes that did not answer in time
  std::vector<Transfer> transfers{};  ///< in the order in which they began
  std::vector<Message> messages;      ///< in the order of sending
  bool complete = true;               ///< whether nothing of it has been overwritten
};

/// Joins the events about `request`, which began at `began_ns` of the actors' clock.
RequestTrace trace_request(RequestId request, std::int64_t began_ns, const std::vector<Event>& events,
                           const std::vector<Note>& notes);

/// Puts what other nodes told into the order of sending.
void sort_messages(RequestTrace& trace);

/// A table for the terminal; runs of one message between the same two actors become one line with a count.
std::string as_text(const RequestTrace& trace);
/// {"request", "complete", "messages": [{name, from, to, sent_us, waited_us, handled_us, note}]}
std::string as_json(const RequestTrace& trace);

}  // namespace troupe::trace
