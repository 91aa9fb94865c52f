// The prompts that one machine runs for token machines elsewhere, and the sending of their KV.
// Owns: those prompts, from the command to the last byte sent; the lease on the local blocks that they are computed in.
// Promises: first come first served for memory; each command ends in KvSendEnded, unless it was stopped; a
// block goes home when no step and no push uses it; it lives and dies with the machine's pool. To the prompt actor it
// is a client like the token actor of its own machine.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "actors/messages/neighbours.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

/// The note that goes with the last piece of a prompt's KV: the first token, which the receiver needs to go on.
std::vector<std::byte> note_of_first_token(TokenId token);
/// The token in such a note; kInvalidInput for what is none.
Result<TokenId> first_token_in(const std::vector<std::byte>& note);

/// Where a KV sender works.
struct KvSenderMachine {
  PromptActor prompt;
  PoolActor pool;
  link::SlabId slab;
  std::int32_t layers = 0;
  std::int32_t blocks = 0;  ///< of the slab: a prompt that needs more is refused
  /// From this many tokens on, layers travel while the next ones compute; shorter prompts are sent in one go. For nodes
  /// to which the way has not been measured yet (PushLayersFrom).
  std::int32_t layerwise_from_tokens = 128;
};

/// The number of tokens from which on a prompt's KV had better travel in `groups` groups of layers (layerwise_bytes),
/// in whole blocks, between one and kMostLayerwiseFrom.
std::int32_t layerwise_from(const link::Probe& probe, std::size_t bytes_per_token, std::int32_t groups);
inline constexpr std::int32_t kMostLayerwiseFrom = 4096;

class KvSender final : public exec::Actor<KvSenderActor::base> {
 public:
  KvSender(caf::actor_config& config, KvSenderMachine machine, std::shared_ptr<link::Link> link,
           KvReceiverActor commander);
  const char* name() const override { return "kv_sender"; }

 protected:
  KvSenderActor::behavior_type make_behavior() override;
  void on_exit() override;

 private:
  enum class Phase : std::uint8_t {
    kWaiting,  // wants blocks; in waiting_
    kPrompt,   // the prompt actor computes into them
    kSending,  // computed; the link reads what is left
  };
  struct Job {
    SendKv what;
    Phase phase = Phase::kWaiting;
    std::vector<BlockLife> blocks;
    std::optional<KvWritten> tail;  // the last layers of the last blocks: sent with the first token
    bool layerwise = false;
    bool stopped = false;      // nobody wants it any more
    std::int32_t pushing = 0;  // pieces that the link reads
  };

  void on(SendKv& send_kv);
  void on(const StopKv& stop);
  void on(const PeerGone& gone);
  void on(const KvPushed& pushed);
  void on(const KvWritten& written);
  void on(const PromptCommitted& committed);
  void on(const PromptCancelled& cancelled);
  void on(BlocksReserved& reserved);
  void on(const BlocksRefused& refused);
  void ask_for_blocks();
  void push(Job& job, const KvWritten& what, std::optional<TokenId> last);
  void stop(Job& job);
  /// Ends the job when neither a step nor the link uses its blocks.
  void end_if_idle(RequestId request);
  void refuse(const SendKv& what, Error error);
  void tell_receiver(const SendKv& what, bool complete);
  /// The job is over: its blocks go home.
  void end(RequestId request);
  Job* find(RequestId request, Attempt attempt);

  KvSenderMachine machine_;
  std::unordered_map<NodeId, std::int32_t> layerwise_from_;  // as far as measured
  std::shared_ptr<link::Link> link_;
  KvReceiverActor commander_;
  std::unordered_map<RequestId, Job> jobs_;
  std::unordered_map<RequestId, SendKv> returning_;  // later attempts of those that still hold blocks here
  std::deque<RequestId> waiting_;                    // first come first served
  std::uint64_t last_ticket_ = 0;                    // of reservations
  bool asked_ = false;                               // for the first in waiting_
  bool refused_ = false;                             // until blocks are available
};

}  // namespace troupe
