// The device seam: a GPU, the CPU cores given to a machine, or a model of either. Production and simulation differ
// behind it, never in front of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "kernels/attention/kv_layout.hpp"
#include "runtime/device/step.hpp"

namespace troupe::device {

/// What the actors need to know about a device and the model that it holds.
struct DeviceInfo {
  std::string name;      ///< "cpu avx512, 2 threads"
  kernels::KvLayout kv;  ///< blocks, bytes, shape
  std::int32_t vocab_size = 0;
  std::int32_t max_positions = 0;  ///< longest sequence, prompt and output together
  std::size_t weight_bytes = 0;
  std::int32_t layer_groups = 1;  ///< KV of a step becomes final in this many groups of layers, in order
  /// What the KV of one position counts as on a link; 0: what it takes in the slab. A modelled device's slab only
  /// stands for the KV.
  std::size_t modelled_kv_token_bytes = 0;

  std::size_t kv_token_bytes() const {
    return modelled_kv_token_bytes != 0 ? modelled_kv_token_bytes : kv.position_bytes();
  }

  /// One past the last layer of a group.
  std::int32_t group_end(std::int32_t group) const {
    return static_cast<std::int32_t>(((group + 1) * kv.layers + layer_groups - 1) / layer_groups);
  }
};

/// How a device tells what happened in a step. Called from the device's own thread (or, for a modelled device, with a
/// delay on the actors' clock); the device calls `finished` exactly once for each step, after every `group_written`.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  /// The KV of layers [0, end of group) of every sequence in the step is written and may be pushed. Groups count from
  /// 0. Not called for steps that are not watched.
  virtual void group_written(StepId step, std::int32_t group) = 0;
  virtual void finished(StepResult result) = 0;
  /// The same as group_written, but `after` this much of the actors' time. An observer without a clock hears of it at
  /// once.
  virtual void group_written_after(std::chrono::nanoseconds after, StepId step, std::int32_t group) {
    (void)after;
    group_written(step, group);
  }
  /// The same as finished, but `after` this much of the actors' time: how a modelled device spends virtual time.
  virtual void finished_after(std::chrono::nanoseconds after, StepResult result) = 0;
};

/// Runs one step at a time. `start` returns at once; the next call comes only after `finished`. A device holds no state
/// of a sequence but its KV: everything else comes with the step.
class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;
  /// The KV slab, laid out as info().kv says: readable and writable by links for blocks that no running step touches.
  /// Empty where the device's memory cannot be addressed by the host.
  virtual std::span<std::byte> kv_slab() = 0;
  virtual void start(std::shared_ptr<const Step> step, std::shared_ptr<StepObserver> observer) = 0;
};

}  // namespace troupe::device
