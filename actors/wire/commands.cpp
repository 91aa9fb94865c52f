// Admit, Cancel, StartPrompt, StopPrompt and PromptStopped: work that one node does for another.
#include <algorithm>

#include "actors/wire/codec.hpp"
#include "actors/wire/limits.hpp"

namespace troupe::wire {
namespace {

/// A deadline that has passed before the message was written is due at once.
std::int64_t outgoing(std::int64_t deadline_in_ns) { return deadline_in_ns < -1 ? 0 : deadline_in_ns; }

void write_ticket(const Ticket& ticket, schema::Ticket::Builder to) {
  to.setHigh(ticket.high);
  to.setLow(ticket.low);
}

Ticket read_ticket(schema::Ticket::Reader from) { return {from.getHigh(), from.getLow()}; }

Attempt read_attempt(Intake& in, Attempt attempt) { return in.number("attempt", attempt, {0, kMostAttempts}); }

/// What Admit and StartPrompt have in common.
template <class Message, class Builder>
void write_work(const Message& message, Builder to) {
  write(message.spec, to.initRequest());
  to.setDeadlineInNs(outgoing(message.deadline_in_ns));
  to.setAttempt(message.attempt);
  write_tokens(message.generated, to.initGenerated(list_size(message.generated.size())));
  to.setPromptMachine(message.prompt_machine.value);
  to.setTokenMachine(message.token_machine.value);
}

template <class Message, class Reader>
Message read_work(Intake& in, Reader from) {
  Message message;
  {
    const auto here = in.enter("spec");
    message.spec = read(in, from.getRequest());
  }
  message.deadline_in_ns = in.number("deadline_in_ns", from.getDeadlineInNs(), {-1, kMostNanoseconds});
  message.attempt = read_attempt(in, from.getAttempt());
  const auto room = kMostTokens - static_cast<std::int64_t>(message.spec.prompt.size());
  message.generated =
      in.tokens("generated", from.getGenerated(), {0, std::min<std::int64_t>(room, message.spec.max_tokens)});
  message.prompt_machine = MachineId{from.getPromptMachine()};
  message.token_machine = MachineId{from.getTokenMachine()};
  return message;
}

}  // namespace

void write(const Admit& admit, schema::Admit::Builder to) { write_work(admit, to); }

Admit read(Intake& in, schema::Admit::Reader from) { return read_work<Admit>(in, from); }

void write(const Cancel& cancel, schema::Cancel::Builder to) {
  to.setRequest(cancel.request.value);
  to.setAttempt(cancel.attempt);
  to.setTokenMachine(cancel.token_machine.value);
}

Cancel read(Intake& in, schema::Cancel::Reader from) {
  return {RequestId{from.getRequest()}, read_attempt(in, from.getAttempt()), MachineId{from.getTokenMachine()}};
}

void write(const StartPrompt& start, schema::StartPrompt::Builder to) {
  write_work(start, to);
  to.setHome(start.home.value);
  write_ticket(start.ticket, to.initTicket());
  to.setBlocks(start.blocks);
}

StartPrompt read(Intake& in, schema::StartPrompt::Reader from) {
  auto start = read_work<StartPrompt>(in, from);
  start.home = NodeId{from.getHome()};
  start.ticket = read_ticket(from.getTicket());
  start.blocks = in.number("blocks", from.getBlocks(), {0, kMostTokens});
  return start;
}

void write(const StopPrompt& stop, schema::StopPrompt::Builder to) {
  to.setRequest(stop.request.value);
  to.setAttempt(stop.attempt);
  to.setPromptMachine(stop.prompt_machine.value);
}

StopPrompt read(Intake& in, schema::StopPrompt::Reader from) {
  return {RequestId{from.getRequest()}, read_attempt(in, from.getAttempt()), MachineId{from.getPromptMachine()}};
}

void write(const PromptStopped& stopped, schema::PromptStopped::Builder to) {
  to.setRequest(stopped.request.value);
  to.setAttempt(stopped.attempt);
  write_ticket(stopped.ticket, to.initTicket());
  to.setComplete(stopped.complete);
}

PromptStopped read(Intake& in, schema::PromptStopped::Reader from) {
  return {RequestId{from.getRequest()}, read_attempt(in, from.getAttempt()), read_ticket(from.getTicket()),
          from.getComplete()};
}

}  // namespace troupe::wire
