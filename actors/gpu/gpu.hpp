// One device: a GPU, or the CPU cores given to a machine.
// Owns: the device and the step that runs on it. Promises: one step at a time, made of what the machine's planners
// offer; prompt chunks and decodes that are ready together share a step; a fault of the device is an answer. Refuses: a
// second offer from a planner before the first was answered.
#pragma once

#include <array>
#include <memory>

#include "actors/messages/work.hpp"
#include "runtime/device/device.hpp"
#include "runtime/exec/actor.hpp"

namespace troupe {

class Gpu final : public exec::Actor<GpuActor::base> {
 public:
  /// `prompt_tokens_beside_decodes`: the decode-fairness bound, prompt tokens in a step that decodes share.
  Gpu(caf::actor_config& config, std::shared_ptr<device::Device> device, std::int32_t prompt_tokens_beside_decodes);
  const char* name() const override { return "gpu"; }

 protected:
  GpuActor::behavior_type make_behavior() override;
  void on_exit() override { seats_ = {}; }

 private:
  // Where a planner stands. A planner owes an offer after each step that it took part in.
  enum class Turn : std::uint8_t { kIdle, kOwes, kOffered };
  struct Seat {
    PlannerActor planner;  // whoever offered last
    Turn turn = Turn::kIdle;
    std::vector<device::StepSequence> offer;
    std::vector<std::int32_t> running;  // tokens of each sequence of the offer in the step that runs; 0: cut off
    std::uint64_t commits = 0;
    bool watch = false;
  };

  void on(OfferWork& offer);
  void on(const StepGroupWritten& written);
  void on(DeviceFinished& finished);
  void start_if_ready();
  void join(Seat& from, device::Step& step, std::int32_t token_budget);
  Seat& seat(Planner planner) { return seats_[static_cast<std::size_t>(planner)]; }

  std::shared_ptr<device::Device> device_;
  std::int32_t prompt_tokens_beside_decodes_;
  std::shared_ptr<device::StepObserver> observer_;
  std::array<Seat, 2> seats_;
  bool running_ = false;
  StepId last_step_;
};

}  // namespace troupe
