#include "actors/kv_sender/kv_sender.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <caf/send.hpp>

#include "runtime/base/check.hpp"
#include "runtime/base/layerwise.hpp"
#include "runtime/base/planted.hpp"
#include "runtime/base/rare.hpp"

namespace troupe {

std::vector<std::byte> note_of_first_token(TokenId token) {
  std::vector<std::byte> note;
  for (int shift = 0; shift < 32; shift += 8)
    note.push_back(static_cast<std::byte>((static_cast<std::uint32_t>(token) >> shift) & 0xff));
  return note;
}

Result<TokenId> first_token_in(const std::vector<std::byte>& note) {
  std::uint32_t token = 0;
  for (std::size_t i = 0; i < note.size() && i < 4; ++i) token |= static_cast<std::uint32_t>(note[i]) << (8 * i);
  if (note.size() != 4 || token > 0x7fffffff)
    return Error{ErrorCode::kInvalidInput,
                 "The note of a KV transfer is not a token id. Run the same build on all nodes."};
  return static_cast<TokenId>(token);
}

std::int32_t layerwise_from(const link::Probe& probe, std::size_t bytes_per_token, std::int32_t groups) {
  const double bytes = layerwise_bytes(probe.round_trip, probe.bytes_per_second, groups);
  const double blocks = std::ceil(bytes / static_cast<double>(bytes_per_token) / kernels::kBlockPositions);
  constexpr double kMostBlocks = static_cast<double>(kMostLayerwiseFrom) / kernels::kBlockPositions;
  return static_cast<std::int32_t>(std::clamp(blocks, 1.0, kMostBlocks)) *
         static_cast<std::int32_t>(kernels::kBlockPositions);
}

KvSender::KvSender(caf::actor_config& config, KvSenderMachine machine, std::shared_ptr<link::Link> link,
                   KvReceiverActor commander)
    : Actor(config), machine_(std::move(machine)), link_(std::move(link)), commander_(std::move(commander)) {}

KvSenderActor::behavior_type KvSender::make_behavior() {
  // With this actor goes the knowledge of which blocks it was lent: the machine goes with it.
  if (!planted(Bug::kUnlinkedSender)) link_to(machine_.pool);
  return {
      [this](SendKv& send_kv) { on(send_kv); },
      [this](const StopKv& stop) { on(stop); },
      [this](const PeerGone& gone) { on(gone); },
      [this](const KvPushed& pushed) { on(pushed); },
      [this](const PromptCommitted& committed) { on(committed); },
      [this](const PromptCancelled& cancelled) { on(cancelled); },
      [this](const KvWritten& written) { on(written); },
      [this](BlocksReserved& reserved) { on(reserved); },
      [this](const BlocksRefused& refused) { on(refused); },
      [this](const BlocksAvailable&) {
        refused_ = false;
        ask_for_blocks();
      },
      [this](const PushLayersFrom& measured) { layerwise_from_[measured.to] = measured.tokens; },
  };
}

void KvSender::on_exit() {
  jobs_.clear();
  returning_.clear();
  machine_ = {};
  link_.reset();  // pushes under way hold this actor
  commander_ = nullptr;
}

void KvSender::on(SendKv& send_kv) {
  const RequestId id = send_kv.spec->id;
  if (send_kv.blocks < 1 || send_kv.blocks > machine_.blocks) {
    refuse(send_kv, {ErrorCode::kTooLarge, "The prompt needs " + std::to_string(send_kv.blocks) +
                                               " KV blocks; the prompt machine has " + std::to_string(machine_.blocks) +
                                               ". Give it more KV memory (device.kv_memory)."});
    return;
  }
  if (const auto before = jobs_.find(id); before != jobs_.end()) {
    if (send_kv.attempt <= before->second.what.attempt) {
      rare(Rare::kSendOutdated);
      refuse(send_kv, {ErrorCode::kUnavailable, "The prompt machine works for a later attempt of this request."});
      return;
    }
    rare(Rare::kSendReplaced);
    auto& job = before->second;
    if (const auto replaced = returning_.find(id); replaced != returning_.end()) tell_receiver(replaced->second, false);
    returning_.insert_or_assign(id, std::move(send_kv));
    // Its receiver may be another one, which knows nothing of the later attempt and holds a landing open.
    if (!job.stopped) tell_receiver(job.what, false);
    stop(job);
    return;
  }
  jobs_[id].what = std::move(send_kv);
  waiting_.push_back(id);
  ask_for_blocks();
}

void KvSender::ask_for_blocks() {
  if (asked_ || refused_ || waiting_.empty()) return;
  asked_ = true;
  send(machine_.pool, ReserveBlocks{waiting_.front(), ++last_ticket_, jobs_.at(waiting_.front()).what.blocks,
                                    LeaseHolderActor{KvSenderActor{this}}, jobs_.at(waiting_.front()).what.to});
}

void KvSender::on(BlocksReserved& reserved) {
  asked_ = false;
  const auto found = jobs_.find(reserved.request);
  CHECK(found != jobs_.end() && !waiting_.empty() && waiting_.front() == reserved.request, reserved.request);
  waiting_.pop_front();
  auto& job = found->second;
  job.blocks = std::move(reserved.blocks);
  job.phase = Phase::kPrompt;
  if (job.stopped) {
    end(reserved.request);
    return;
  }
  const auto measured = layerwise_from_.find(job.what.to);
  job.layerwise = static_cast<std::int32_t>(job.what.spec->prompt.size() + job.what.generated.size()) >=
                  (measured != layerwise_from_.end() ? measured->second : machine_.layerwise_from_tokens);
  rare(Rare::kLayerwise, job.layerwise);
  RunPrompt run{job.what.spec,    job.what.attempt,       job.what.generated,
                job.blocks,       job.what.token_machine, PromptClientActor{KvSenderActor{this}},
                job.what.request, job.layerwise};
  send(machine_.prompt, std::move(run));
  ask_for_blocks();
}

void KvSender::on(const BlocksRefused& refused) {
  rare(Rare::kSendRefusedBlocks);
  asked_ = false;
  refused_ = true;
  const auto found = jobs_.find(refused.request);
  if (found == jobs_.end() || !found->second.stopped) return;
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), refused.request));
  end(refused.request);
}

KvSender::Job* KvSender::find(RequestId request, Attempt attempt) {
  const auto found = jobs_.find(request);
  if (found == jobs_.end()) return nullptr;
  return found->second.what.attempt == attempt || planted(Bug::kStaleAttemptAccepted) ? &found->second : nullptr;
}

void KvSender::on(const KvWritten& written) {
  auto* const job = find(written.request, written.attempt);
  if (job == nullptr || job->phase != Phase::kPrompt || job->stopped) return;
  const bool tail = written.end_layer == machine_.layers && written.end_place == job->what.blocks;
  if (tail) {
    job->tail = written;
  } else {
    push(*job, written, std::nullopt);
  }
}

void KvSender::on(const PromptCommitted& committed) {
  auto* const job = find(committed.request, committed.attempt);
  if (job == nullptr || job->phase != Phase::kPrompt) return;
  job->phase = Phase::kSending;
  send(machine_.pool, CommitBlocks{job->blocks});
  if (!job->stopped) {
    const KvWritten all{committed.request, committed.attempt, 0, job->what.blocks, 0, machine_.layers};
    CHECK(!job->layerwise || job->tail, committed.request);
    push(*job, job->layerwise ? *job->tail : all, committed.token);
  }
  end_if_idle(committed.request);
}

void KvSender::push(Job& job, const KvWritten& what, std::optional<TokenId> last) {
  link::Push push;
  push.ticket = job.what.ticket;
  push.slab = machine_.slab;
  for (auto place = what.first_place; place < what.end_place; ++place)
    push.blocks.push_back(job.blocks.at(static_cast<std::size_t>(place)).block);
  push.first_place = what.first_place;
  push.first_layer = what.first_layer;
  push.layers = what.end_layer - what.first_layer;
  push.last = last.has_value();
  if (last) push.note = note_of_first_token(*last);
  ++job.pushing;
  link_->push(
      job.what.peer, std::move(push),
      [self = KvSenderActor{this}, request = what.request, ticket = job.what.ticket](Result<link::Pushed> how) {
        caf::anon_send(self, KvPushed{request, ticket, std::make_shared<const Result<link::Pushed>>(std::move(how))});
      });
}

void KvSender::on(const KvPushed& pushed) {
  const auto found = jobs_.find(pushed.request);
  if (planted(Bug::kReleaseUnderWay) && (found == jobs_.end() || found->second.what.ticket != pushed.ticket)) return;
  CHECK(found != jobs_.end() && found->second.what.ticket == pushed.ticket, pushed.request);
  auto& job = found->second;
  --job.pushing;
  rare(Rare::kPushFailed, !pushed.how->ok());
  if (!pushed.how->ok() && !job.stopped) {
    tell_receiver(job.what, false);
    stop(job);
  }
  end_if_idle(pushed.request);
}

void KvSender::on(const PromptCancelled& cancelled) {
  auto* const job = find(cancelled.request, cancelled.attempt);
  if (job == nullptr || job->phase != Phase::kPrompt) return;
  job->phase = Phase::kSending;
  if (!std::exchange(job->stopped, true))
    tell_receiver(job->what, false);  // the device failed: the prompt actor told the request
  end_if_idle(cancelled.request);
}

void KvSender::end_if_idle(RequestId request) {
  const auto& job = jobs_.at(request);
  if (job.phase != Phase::kSending || (job.pushing > 0 && !planted(Bug::kReleaseUnderWay))) return;
  if (!job.stopped) tell_receiver(job.what, true);
  end(request);
}

void KvSender::on(const StopKv& stop_kv) {
  if (const auto back = returning_.find(stop_kv.request);
      back != returning_.end() && back->second.attempt == stop_kv.attempt)
    returning_.erase(back);
  if (auto* const job = find(stop_kv.request, stop_kv.attempt)) stop(*job);
}

void KvSender::on(const PeerGone& gone) {
  std::erase_if(returning_, [&](const auto& each) { return each.second.to == gone.node; });
  std::vector<RequestId> lost;
  for (const auto& [id, job] : jobs_)
    if (job.what.to == gone.node) lost.push_back(id);
  rare(Rare::kPeerGoneUnderWay, !lost.empty());
  for (const RequestId id : lost)
    if (const auto job = jobs_.find(id); job != jobs_.end()) stop(job->second);
}

void KvSender::stop(Job& job) {
  if (std::exchange(job.stopped, true)) return;
  const RequestId id = job.what.spec->id;
  rare(Rare::kSendStoppedWaiting, job.phase == Phase::kWaiting);
  rare(Rare::kSendStoppedInPrompt, job.phase == Phase::kPrompt);
  rare(Rare::kSendStoppedSending, job.phase == Phase::kSending && job.pushing > 0);
  if (job.phase == Phase::kPrompt) {
    send(machine_.prompt, CancelPrompt{id, job.what.attempt});
  } else if (job.phase == Phase::kWaiting && (!asked_ || waiting_.front() != id)) {
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), id));
    end(id);
  }
}

void KvSender::refuse(const SendKv& what, Error error) {
  send(what.request, RequestFailed{what.spec->id, what.attempt, std::move(error)});
  tell_receiver(what, false);
}

void KvSender::tell_receiver(const SendKv& what, bool complete) {
  send(commander_, KvSendEnded{what.to, what.spec->id, what.attempt, what.ticket, complete});
}

void KvSender::end(RequestId request) {
  const auto found = jobs_.find(request);
  if (!found->second.blocks.empty()) send(machine_.pool, ReleaseBlocks{request});
  jobs_.erase(found);
  if (auto back = returning_.extract(request)) on(back.mapped());
  ask_for_blocks();
}

}  // namespace troupe
