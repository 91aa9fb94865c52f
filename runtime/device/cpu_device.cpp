#include "runtime/device/cpu_device.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "runtime/exec/thread_team.hpp"
#include "runtime/model/host_memory.hpp"
#include "runtime/model/memory_plan.hpp"

namespace troupe::device {
namespace {

constexpr std::int64_t kDefaultSequences = 256;

/// Cores that this process may run on.
std::size_t usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return std::max(1u, std::thread::hardware_concurrency());
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&cores)));
}

std::int64_t blocks_of(std::int64_t positions) {
  return (positions + kernels::kBlockPositions - 1) / kernels::kBlockPositions;
}

}  // namespace

CpuDevice::CpuDevice(model::ModelConfig config, const CpuDeviceOptions& options)
    : config_(std::move(config)), isa_(options.isa.value_or(kernels::best_cpu_isa())) {
  const auto threads = options.threads ? options.threads : usable_cores();
  team_ = std::make_unique<exec::ThreadTeam>(threads);
  info_.name = std::string("cpu ") + kernels::to_string(isa_) + ", " + std::to_string(threads) +
               (threads == 1 ? " thread" : " threads");
  info_.vocab_size = static_cast<std::int32_t>(config_.vocab_size);
  info_.max_positions = static_cast<std::int32_t>(config_.max_positions());
  info_.layer_groups = static_cast<std::int32_t>(std::clamp<std::int64_t>(options.layer_groups, 1, config_.layers));
}

Result<std::unique_ptr<CpuDevice>> CpuDevice::load(const model::Checkpoint& checkpoint, const CpuDeviceOptions& options,
                                                   const std::function<void(double)>& progress) {
  if (options.isa && !kernels::supports(*options.isa))
    return Error{ErrorCode::kUnsupported,
                 std::string("This host's processor does not have ") + kernels::to_string(*options.isa) + "."};
  CHECK(options.blocks >= 0, options.blocks);
  try {
    std::unique_ptr<CpuDevice> device(new CpuDevice(checkpoint.config(), options));
    TRY(weights, CpuWeights::load(checkpoint, *device->team_, progress));
    device->weights_ = std::move(weights);
    device->info_.weight_bytes = device->weights_.bytes;
    TRY_VOID(device->reserve_slab(options));
    device->machine_.emplace(CpuMachine{device->config_, device->weights_, device->info_.kv, device->slab_.data(),
                                        *device->team_, device->isa_});
    device->forward_.emplace(*device->machine_);
    device->output_.emplace(*device->machine_);
    device->thread_ = std::thread([raw = device.get()] { raw->work(); });
    ::pthread_setname_np(device->thread_.native_handle(), "device");
    return device;
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kTooLarge, checkpoint.directory() + ": there is not enough memory for weights of " +
                                           model::written_bytes(checkpoint.tensor_bytes()) + "."};
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kInternal,
                 std::string("The CPU device's threads cannot be started: ") + error.what() + "."};
  }
}

Result<void> CpuDevice::reserve_slab(const CpuDeviceOptions& options) {
  auto& kv = info_.kv;
  kv = {.layers = config_.layers,
        .kv_heads = config_.kv_heads,
        .head_dim = config_.head_dim,
        .blocks = 0,
        .dtype = options.kv_dtype};
  const auto budget = options.kv_bytes ? options.kv_bytes : model::available_memory_bytes() / 2;
  kv.blocks = options.blocks;
  if (kv.blocks == 0) {
    kv.blocks = static_cast<std::int64_t>(budget / kv.block_bytes());
    if (options.kv_bytes == 0) kv.blocks = std::min(kv.blocks, kDefaultSequences * blocks_of(info_.max_positions));
  }
  if (kv.blocks == 0)
    return Error{ErrorCode::kTooLarge, "The KV budget of " + model::written_bytes(budget) +
                                           " is less than one block of " + model::written_bytes(kv.block_bytes()) +
                                           ". Give KV more memory."};
  std::size_t bytes = 0;
  const bool fits =
      kv.blocks <= 0x7fffffff && !__builtin_mul_overflow(static_cast<std::size_t>(kv.blocks), kv.block_bytes(), &bytes);
  // Pages come zeroed and only when first written.
  void* memory = fits ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
  if (memory == MAP_FAILED)
    return Error{ErrorCode::kTooLarge, "A KV cache of " + std::to_string(kv.blocks) + " blocks of " +
                                           model::written_bytes(kv.block_bytes()) + " cannot be reserved" +
                                           (fits ? std::string(": ") + std::strerror(errno) : "") + "."};
  // Small pages although attention would read from huge ones 5 to 15 % faster: a block has a share in every layer, so
  // that the first block of a prompt would wait for 2 MiB of zeros a layer (28 ms to 0.5 s in all for the first
  // transfer to a machine; 1 to 3 ms with small pages).
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);
  slab_ = {static_cast<std::byte*>(memory), bytes};
  return {};
}

CpuDevice::~CpuDevice() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (!slab_.empty()) ::munmap(slab_.data(), slab_.size());
}

void CpuDevice::start(std::shared_ptr<const Step> step, std::shared_ptr<StepObserver> observer) {
  CHECK(step != nullptr && observer != nullptr);
  check_step(*step, info_);
  {
    const std::lock_guard lock(mutex_);
    CHECK(!busy_, step->id);
    busy_ = true;
    pending_ = Work{std::move(step), std::move(observer)};
  }
  wake_.notify_one();
}

void CpuDevice::work() {
  for (;;) {
    std::optional<Work> work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return pending_ || stopping_; });
      if (!pending_) return;
      work = std::exchange(pending_, std::nullopt);
    }
    auto result = run(*work);
    {
      // Before the call, so that an observer may start the next step from it.
      const std::lock_guard lock(mutex_);
      busy_ = false;
    }
    work->observer->finished(std::move(result));
  }
}

StepResult CpuDevice::run(const Work& work) {
  StepResult result;
  result.id = work.step->id;
  std::int32_t group = 0;
  const auto layer_done = [&](std::int64_t layer) {
    if (!work.step->watched || layer + 1 < info_.group_end(group)) return;
    work.observer->group_written(result.id, group);
    ++group;
  };
  try {
    const AddTime time(result.timings.total);
    const float* hidden = forward_->run(*work.step, layer_done, result.timings);
    result.sequences = output_->run(*work.step, hidden, result.timings);
  } catch (const std::bad_alloc&) {
    result.sequences.clear();
    result.fault = Error{ErrorCode::kInternal, "The CPU device has no memory left for a step of " +
                                                   std::to_string(work.step->sequences.size()) + " sequences."};
  }
  return result;
}

void check_step(const Step& step, const DeviceInfo& info) {
  CHECK(!step.sequences.empty(), step.id);
  for (const auto& sequence : step.sequences) {
    const auto id = sequence.request;
    const auto count = static_cast<std::int64_t>(sequence.tokens.size());
    CHECK(count > 0, step.id, id);
    CHECK(sequence.first_position >= 0 && sequence.first_position + count <= info.max_positions, step.id, id,
          sequence.first_position, count);
    CHECK(static_cast<std::int64_t>(sequence.blocks.size()) >= blocks_of(sequence.first_position + count), step.id, id,
          sequence.blocks.size(), sequence.first_position, count);
    for (const auto block : sequence.blocks) CHECK(block.value < info.kv.blocks, step.id, id, block);
    for (const auto token : sequence.tokens) CHECK(token >= 0 && token < info.vocab_size, step.id, id, token);
    CHECK(sequence.next_tokens.size() <= sequence.tokens.size(), step.id, id, sequence.next_tokens.size(), count);
    for (const auto token : sequence.next_tokens) CHECK(token >= 0 && token < info.vocab_size, step.id, id, token);
    CHECK(sequence.sampling != nullptr || (!sequence.sample && sequence.next_tokens.empty()), step.id, id);
    CHECK(sequence.history_prompt_tokens >= 0 &&
              static_cast<std::size_t>(sequence.history_prompt_tokens) <= sequence.history.size(),
          step.id, id, sequence.history_prompt_tokens, sequence.history.size());
    CHECK(!sequence.sample || !sequence.sampling->params.needs_history() || !sequence.history.empty(), step.id, id);
    CHECK(sequence.generated >= 0, step.id, id, sequence.generated);
  }
}

}  // namespace troupe::device
