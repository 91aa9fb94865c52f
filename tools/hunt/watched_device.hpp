// A hash device that asks the witness, before each step, whose the blocks are that the step reads and writes; and that
// can be slow, or fail steps, for a while.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/device/hash_device.hpp"
#include "tools/hunt/violation.hpp"
#include "tools/hunt/witness.hpp"

namespace troupe::hunt {

/// What a node's devices suffer, as the run goes on.
struct DeviceMood {
  std::chrono::nanoseconds step_cost{};
  std::int32_t slower = 1;             ///< steps take this many times as long
  std::uint32_t faults_per_mille = 0;  ///< steps that fail
};

class WatchedDevice final : public device::Device {
 public:
  /// `violations` gets one for each foreign block that a step uses. All that is referred to outlives the device.
  WatchedDevice(device::HashDeviceOptions options, MachineId machine, std::shared_ptr<const DeviceMood> mood,
                std::uint64_t seed, const Witness& witness, std::vector<Violation>& violations)
      : machine_(machine),
        witness_(witness),
        violations_(violations),
        hash_(with(std::move(options), std::move(mood), seed)) {}

  const device::DeviceInfo& info() const override { return hash_.info(); }
  std::span<std::byte> kv_slab() override { return hash_.kv_slab(); }
  void start(std::shared_ptr<const device::Step> step, std::shared_ptr<device::StepObserver> observer) override;

 private:
  static device::HashDeviceOptions with(device::HashDeviceOptions options, std::shared_ptr<const DeviceMood> mood,
                                        std::uint64_t seed);

  MachineId machine_;
  const Witness& witness_;
  std::vector<Violation>& violations_;
  device::HashDevice hash_;
};

}  // namespace troupe::hunt
