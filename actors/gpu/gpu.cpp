#include "actors/gpu/gpu.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include <caf/send.hpp>

#include "actors/policies/prompt_batch.hpp"
#include "runtime/base/check.hpp"

namespace troupe {
namespace {

/// Turns what the device reports, from its own thread, into messages.
class MailboxObserver final : public device::StepObserver {
 public:
  MailboxObserver(caf::actor_system& system, const GpuActor& gpu)
      : system_(system), gpu_(caf::actor_cast<caf::weak_actor_ptr>(gpu)) {}

  void group_written(StepId step, std::int32_t group) override {
    if (const auto gpu = strong()) caf::anon_send(gpu, StepGroupWritten{step, group});
  }
  void finished(device::StepResult result) override {
    if (const auto gpu = strong()) caf::anon_send(gpu, DeviceFinished{std::move(result)});
  }
  void group_written_after(std::chrono::nanoseconds after, StepId step, std::int32_t group) override {
    if (const auto gpu = strong()) caf::delayed_anon_send(gpu, after, StepGroupWritten{step, group});
  }
  void finished_after(std::chrono::nanoseconds after, device::StepResult result) override {
    if (const auto gpu = strong()) caf::delayed_anon_send(gpu, after, DeviceFinished{std::move(result)});
  }

 private:
  GpuActor strong() const { return caf::actor_cast<GpuActor>(gpu_.lock()); }
  caf::actor_system& system_;
  caf::weak_actor_ptr gpu_;
};

/// Shortens a prompt chunk to its first `tokens` tokens.
void cut(device::StepSequence& sequence, std::int32_t tokens) {
  const auto kept = static_cast<std::size_t>(tokens);
  if (kept == sequence.tokens.size()) return;
  sequence.tokens.resize(kept);
  sequence.next_tokens.resize(std::min(sequence.next_tokens.size(), kept));
  sequence.sample = false;
  sequence.history.clear();
}

}  // namespace

Gpu::Gpu(caf::actor_config& config, std::shared_ptr<device::Device> device, std::int32_t prompt_tokens_beside_decodes)
    : Actor(config), device_(std::move(device)), prompt_tokens_beside_decodes_(prompt_tokens_beside_decodes) {}

GpuActor::behavior_type Gpu::make_behavior() {
  observer_ = std::make_shared<MailboxObserver>(home_system(), GpuActor{this});
  return {
      [this](OfferWork& offer) { on(offer); },
      [this](const StepGroupWritten& written) { on(written); },
      [this](DeviceFinished& finished) { on(finished); },
  };
}

void Gpu::on(OfferWork& offer) {
  auto& from = seat(offer.planner);
  CHECK(from.turn != Turn::kOffered, static_cast<int>(offer.planner), last_step_);
  from.planner = caf::actor_cast<PlannerActor>(current_sender());
  from.turn = offer.sequences.empty() ? Turn::kIdle : Turn::kOffered;
  from.offer = std::move(offer.sequences);
  from.commits = offer.commits;
  from.watch = offer.watch;
  start_if_ready();
}

void Gpu::start_if_ready() {
  auto& prompts = seat(Planner::kPrompt);
  auto& tokens = seat(Planner::kToken);
  if (running_ || prompts.turn == Turn::kOwes || tokens.turn == Turn::kOwes) return;
  if (prompts.turn != Turn::kOffered && tokens.turn != Turn::kOffered) return;
  if (tokens.turn == Turn::kIdle && tokens.commits < prompts.commits)
    return;  // its offer for a prompt just committed is on the way

  auto step = std::make_shared<device::Step>();
  step->id = last_step_ = StepId{last_step_.value + 1};
  const bool shared = tokens.turn == Turn::kOffered;
  join(prompts, *step, shared ? prompt_tokens_beside_decodes_ : std::numeric_limits<std::int32_t>::max());
  join(tokens, *step, std::numeric_limits<std::int32_t>::max());
  step->watched =
      std::any_of(seats_.begin(), seats_.end(), [](const Seat& seat) { return seat.watch && !seat.running.empty(); });
  running_ = true;
  device_->start(std::move(step), observer_);
}

void Gpu::join(Seat& from, device::Step& step, std::int32_t token_budget) {
  from.running.clear();
  if (from.turn != Turn::kOffered) return;
  for (const auto& sequence : from.offer) from.running.push_back(static_cast<std::int32_t>(sequence.tokens.size()));
  auto shares = policies::plan_prompt_batch(from.running, token_budget);
  shares.resize(from.running.size(), 0);
  step.sequences.reserve(step.sequences.size() + shares.size());
  for (std::size_t i = 0; i < shares.size() && shares[i] > 0; ++i) {
    cut(from.offer[i], shares[i]);
    step.sequences.push_back(std::move(from.offer[i]));
  }
  from.running = std::move(shares);
  from.offer.clear();
  from.turn = Turn::kOwes;
}

void Gpu::on(const StepGroupWritten& written) {
  CHECK(running_ && written.id == last_step_, written.id, last_step_);
  const auto& info = device_->info();
  const auto first = written.group == 0 ? 0 : info.group_end(written.group - 1);
  for (const auto& seat : seats_)
    if (seat.watch && !seat.running.empty())
      send(seat.planner, LayersWritten{written.id, first, info.group_end(written.group), seat.running});
}

void Gpu::on(DeviceFinished& finished) {
  auto& result = finished.result;
  CHECK(running_ && result.id == last_step_, result.id, last_step_);
  running_ = false;
  auto next = std::make_move_iterator(result.sequences.begin());
  for (auto& seat : seats_) {
    if (seat.running.empty()) continue;
    StepFinished answer{result.id, {}, {}, result.timings, result.fault};
    if (!result.fault) {
      const auto ran = static_cast<std::ptrdiff_t>(
          std::count_if(seat.running.begin(), seat.running.end(), [](std::int32_t tokens) { return tokens > 0; }));
      answer.results.assign(next, next + ran);
      next += ran;
      answer.ran = std::move(seat.running);
    }
    seat.running.clear();
    send(seat.planner, std::move(answer));
  }
}

}  // namespace troupe
