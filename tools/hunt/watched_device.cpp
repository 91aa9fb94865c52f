#include "tools/hunt/watched_device.hpp"

#include <utility>

#include "kernels/attention/kv_layout.hpp"

namespace troupe::hunt {

device::HashDeviceOptions WatchedDevice::with(device::HashDeviceOptions options, std::shared_ptr<const DeviceMood> mood,
                                              std::uint64_t seed) {
  options.cost = [mood](const device::Step&) { return mood->step_cost * mood->slower; };
  options.fault = [mood, random = RandomStream(seed)](const device::Step&) mutable -> std::optional<Error> {
    if (mood->faults_per_mille == 0 || random.below(1000) >= mood->faults_per_mille) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "the device failed this step, as planned"};
  };
  return options;
}

void WatchedDevice::start(std::shared_ptr<const device::Step> step, std::shared_ptr<device::StepObserver> observer) {
  for (const auto& sequence : step->sequences) {
    const auto positions = static_cast<std::size_t>(sequence.first_position) + sequence.tokens.size();
    const auto places = (positions + kernels::kBlockPositions - 1) / kernels::kBlockPositions;
    for (std::size_t place = 0; place < places && place < sequence.blocks.size(); ++place) {
      const auto block = sequence.blocks[place];
      const auto holder = witness_.holder(machine_, block);
      if (holder == sequence.request) continue;
      violations_.push_back({"S5",
                             "a step of machine " + std::to_string(machine_.value) + " uses block " +
                                 std::to_string(block.value) + " for request id " +
                                 std::to_string(sequence.request.value) + ", and the block is " +
                                 (holder ? "that of request id " + std::to_string(holder->value) : "free"),
                             sequence.request});
    }
  }
  hash_.start(std::move(step), std::move(observer));
}

}  // namespace troupe::hunt
