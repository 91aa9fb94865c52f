// The CPU cores given to a machine, as a device: weights and KV slab in memory, a thread of its own that runs one step
// at a time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "kernels/core/cpu_isa.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/parallel.hpp"
#include "runtime/device/cpu_forward.hpp"
#include "runtime/device/cpu_output.hpp"
#include "runtime/device/cpu_weights.hpp"
#include "runtime/device/device.hpp"
#include "runtime/model/checkpoint.hpp"

namespace troupe::device {

struct CpuDeviceOptions {
  std::size_t threads = 0;   ///< cores to use, the stepping thread included; 0: all that this process may run on
  std::int64_t blocks = 0;   ///< KV blocks; 0: as many as fit kv_bytes
  std::size_t kv_bytes = 0;  ///< KV budget where blocks is 0; 0: half of the memory still available once the weights
                             ///< are loaded, and at most what 256 sequences of full length need
  kernels::DType kv_dtype = kernels::DType::kF32;
  std::int32_t layer_groups = 1;         ///< at most one for each layer
  std::optional<kernels::CpuIsa> isa{};  ///< default: the best this host has
};

/// Results are the same bits whatever the batch, the chunking, the number of threads and the isa. Steps run in the
/// device's own thread, and its observers are called there.
class CpuDevice final : public Device {
 public:
  /// Loads and packs the weights, then reserves the slab. `progress`, where set, is called in this thread with the
  /// share of the weights done, up to 1. kUnsupported for an isa that the host lacks, kTooLarge where memory does not
  /// suffice.
  static Result<std::unique_ptr<CpuDevice>> load(const model::Checkpoint& checkpoint, const CpuDeviceOptions& options,
                                                 const std::function<void(double)>& progress = {});
  /// Waits for a running step to end; its observer is still called.
  ~CpuDevice() override;

  const DeviceInfo& info() const override { return info_; }
  std::span<std::byte> kv_slab() override { return slab_; }
  /// A step that breaks its contract (a token outside the vocabulary, a block outside the slab, a table too short, ...)
  /// is a bug and ends the process.
  void start(std::shared_ptr<const Step> step, std::shared_ptr<StepObserver> observer) override;

  kernels::CpuIsa isa() const { return isa_; }

 private:
  struct Work {
    std::shared_ptr<const Step> step;
    std::shared_ptr<StepObserver> observer;
  };

  CpuDevice(model::ModelConfig config, const CpuDeviceOptions& options);
  Result<void> reserve_slab(const CpuDeviceOptions& options);
  void work();
  StepResult run(const Work& work);

  model::ModelConfig config_;
  kernels::CpuIsa isa_;
  std::unique_ptr<kernels::Parallel> team_;
  CpuWeights weights_;
  DeviceInfo info_;
  std::span<std::byte> slab_;
  std::optional<CpuMachine> machine_;
  std::optional<CpuForward> forward_;
  std::optional<CpuOutput> output_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Work> pending_;  ///< guarded by mutex_
  bool busy_ = false;            ///< guarded by mutex_: from start() until just before finished()
  bool stopping_ = false;        ///< guarded by mutex_
  std::thread thread_;           ///< last: it uses all of the above
};

/// CHECKs that `step` keeps the seam's contract for a device with `info`.
void check_step(const Step& step, const DeviceInfo& info);

}  // namespace troupe::device
