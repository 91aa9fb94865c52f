// TraceQuery and TraceReply: what nodes tell each other of a request's messages.
#include <algorithm>

#include "actors/wire/codec.hpp"
#include "actors/wire/limits.hpp"

namespace troupe::wire {

void write(const TraceQuery& query, schema::TraceQuery::Builder to) {
  to.setQuery(query.query);
  to.setRequest(query.request.value);
}

TraceQuery read(Intake&, schema::TraceQuery::Reader from) { return {from.getQuery(), RequestId{from.getRequest()}}; }

void write(const TraceReply& reply, schema::TraceReply::Builder to) {
  to.setQuery(reply.query);
  // A request of so many messages is shown without its end.
  const auto count = std::min(reply.messages.size(), kMostTracedMessages);
  to.setComplete(reply.complete && count == reply.messages.size());
  auto messages = to.initMessages(list_size(count));
  for (unsigned i = 0; i < messages.size(); ++i) {
    const auto& message = reply.messages[i];
    messages[i].setName(text_of(readable(message.name, kMostNameBytes)));
    messages[i].setFrom(text_of(readable(message.from, kMostNameBytes)));
    messages[i].setTo(text_of(readable(message.to, kMostNameBytes)));
    messages[i].setSentNs(message.sent_ns);
    messages[i].setWaitedNs(message.waited_ns);
    messages[i].setHandledNs(message.handled_ns);
    messages[i].setNote(text_of(readable(message.note, kMostSentenceBytes)));
  }
}

TraceReply read(Intake& in, schema::TraceReply::Reader from) {
  TraceReply reply;
  reply.query = from.getQuery();
  reply.complete = from.getComplete();
  const auto messages = from.getMessages();
  reply.messages.resize(in.length("messages", messages.size(), {0, kMostTracedMessages}));
  for (unsigned i = 0; i < reply.messages.size() && !in.refusal(); ++i) {
    auto& message = reply.messages[i];
    const auto here = in.enter("messages", i);
    message.name = in.text("name", messages[i].getName(), kMostNameBytes);
    message.from = in.text("from", messages[i].getFrom(), kMostNameBytes);
    message.to = in.text("to", messages[i].getTo(), kMostNameBytes);
    message.sent_ns = in.number("sent_ns", messages[i].getSentNs(), {0, kMostNanoseconds});
    message.waited_ns = in.number("waited_ns", messages[i].getWaitedNs(), {-1, kMostNanoseconds});
    message.handled_ns = in.number("handled_ns", messages[i].getHandledNs(), {-1, kMostNanoseconds});
    message.note = in.text("note", messages[i].getNote(), kMostSentenceBytes);
  }
  return reply;
}

}  // namespace troupe::wire
