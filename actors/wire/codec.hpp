// Each message's way into its schema struct and back. Inside actors/wire; others call encode() and decode().
//
// write() puts everything into the frame as it is, but for what only people read: that is cut to its limit and made
// UTF-8, so that no error message can make a frame that the receiver must refuse. read() checks everything.
#pragma once

#include <capnp/blob.h>

#include <string>

#include "actors/wire/enumerations.hpp"
#include "actors/wire/intake.hpp"
#include "actors/wire/wire.hpp"

namespace troupe::wire {

void write(const Hello& hello, schema::Hello::Builder to);
void write(const Refused& refused, schema::Refused::Builder to);
void write(const LinkWord& word, schema::LinkWord::Builder to);
void write(const MachineUp& up, schema::MachineUp::Builder to);
void write(const MachineDown& down, schema::MachineDown::Builder to);
void write(const Beat& beat, schema::Beat::Builder to);
void write(const PoolState& pool, schema::Pool::Builder to);
void write(const RequestSpec& spec, schema::Request::Builder to);
void write(const Admit& admit, schema::Admit::Builder to);
void write(const Cancel& cancel, schema::Cancel::Builder to);
void write(const StartPrompt& start, schema::StartPrompt::Builder to);
void write(const StopPrompt& stop, schema::StopPrompt::Builder to);
void write(const PromptStopped& stopped, schema::PromptStopped::Builder to);
void write(const Progress& progress, schema::Progress::Builder to, TimePoint now);
void write(const TraceQuery& query, schema::TraceQuery::Builder to);
void write(const TraceReply& reply, schema::TraceReply::Builder to);
void write(const Order& order, schema::Order::Builder to);
void write(const RouteAsk& ask, schema::RouteAsk::Builder to);
void write(const RouteAnswer& answer, schema::RouteAnswer::Builder to);
void write(const RouteNews& news, schema::RouteNews::Builder to);
void write(const RouteLost& lost, schema::RouteLost::Builder to);
void write(const BlocksQuery& query, schema::BlocksQuery::Builder to);
void write(const BlocksReply& reply, schema::BlocksReply::Builder to);
void write(const ProbeQuery& query, schema::ProbeQuery::Builder to);
void write(const ProbeReply& reply, schema::ProbeReply::Builder to);

Hello read(Intake& in, schema::Hello::Reader from);
Refused read(Intake& in, schema::Refused::Reader from);
LinkWord read(Intake& in, schema::LinkWord::Reader from);
MachineUp read(Intake& in, schema::MachineUp::Reader from);
MachineDown read(Intake& in, schema::MachineDown::Reader from);
Beat read(Intake& in, schema::Beat::Reader from);
PoolState read(Intake& in, schema::Pool::Reader from);
RequestSpec read(Intake& in, schema::Request::Reader from);
Admit read(Intake& in, schema::Admit::Reader from);
Cancel read(Intake& in, schema::Cancel::Reader from);
StartPrompt read(Intake& in, schema::StartPrompt::Reader from);
StopPrompt read(Intake& in, schema::StopPrompt::Reader from);
PromptStopped read(Intake& in, schema::PromptStopped::Reader from);
Progress read(Intake& in, schema::Progress::Reader from, TimePoint now);
TraceQuery read(Intake& in, schema::TraceQuery::Reader from);
TraceReply read(Intake& in, schema::TraceReply::Reader from);
Order read(Intake& in, schema::Order::Reader from);
RouteAsk read(Intake& in, schema::RouteAsk::Reader from);
RouteAnswer read(Intake& in, schema::RouteAnswer::Reader from);
RouteNews read(Intake& in, schema::RouteNews::Reader from);
RouteLost read(Intake& in, schema::RouteLost::Reader from);
BlocksQuery read(Intake& in, schema::BlocksQuery::Reader from);
BlocksReply read(Intake& in, schema::BlocksReply::Reader from);
ProbeQuery read(Intake& in, schema::ProbeQuery::Reader from);
ProbeReply read(Intake& in, schema::ProbeReply::Reader from);

/// For ids of machines and nodes, names and the like, whose bytes matter: as they are.
capnp::Text::Reader text_of(const std::string& text);
/// For what only people read: at most `most` bytes of UTF-8, cut between two characters.
std::string readable(const std::string& text, std::size_t most);

/// The length of a list for Cap'n Proto. A bug where it has no room for so many.
unsigned list_size(std::size_t size);
void write_tokens(const std::vector<TokenId>& tokens, capnp::List<std::int32_t>::Builder to);

}  // namespace troupe::wire
