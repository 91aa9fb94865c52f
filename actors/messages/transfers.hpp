// What a request's recorded messages tell of its KV's way from prompt machine to token machine. The notes that are kept
// with the messages of a transfer are written here, and read here again.
#pragma once

#include <cstddef>
#include <string>

#include "actors/messages/neighbours.hpp"
#include "runtime/trace/request_trace.hpp"

namespace troupe {

/// Notes for the recorder, each beginning with "transfer 3fa2": the first 16 bits of the ticket, by which what two
/// nodes recorded is joined. The other 112 stay secret, so that nobody who may read this can forge a piece.
std::string transfer_note(const SendKv& send);
std::string transfer_note(const KvPushed& pushed);
std::string transfer_note(const LandingEnded& ended);
std::string transfer_note(const KvSendEnded& ended);

/// Fills trace.transfers from its messages, which have the notes above and are in order. A transfer whose prompt node
/// told nothing (it is gone) is known by its landing alone.
void find_transfers(trace::RequestTrace& trace);

/// Puts the other nodes' times right where they contradict what must have come before what: a command, and what came
/// of it on the node that it was sent to. A node's times are moved together, and by no more than its clock's error.
void heed_causes(trace::RequestTrace& trace);

/// Where a request that moved went, and what made it leave, a line for each attempt; empty where it stayed.
std::string moves_of(const trace::RequestTrace& trace);

}  // namespace troupe
