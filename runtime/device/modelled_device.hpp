// A device that nobody owns: its steps take the time that a performance model says, and its tokens are a hash of all
// that its KV cache holds for the sequence, so that a lost, foreign or misplaced KV block changes the text.
//
// Its slab stands for the KV rather than holding it: of each block and layer group a fingerprint of 64 bits, which
// links carry as they carry KV; what a token's KV would weigh is info().kv_token_bytes(). A block's fingerprint begins
// with those of all blocks before it. The first token after a prompt, when the KV may have travelled, attends to every
// block in every group; the first in a new block to every block in one group; the others to the last block. So what is
// wrong shows in the text within a block's tokens. Costs some ten nanoseconds a step and sequence; memory for blocks
// that were ever used.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/device/device.hpp"

namespace troupe::device {

/// What a step computes, as far as its time depends on it.
struct StepWork {
  std::int64_t prompts = 0;         ///< sequences with a part of a prompt
  std::int64_t prompt_tokens = 0;   ///< of those parts
  std::int64_t prompt_context = 0;  ///< positions before them, summed
  std::int64_t decodes = 0;         ///< sequences that get one more token
  std::int64_t decode_context = 0;  ///< positions that these attend to, summed
};
StepWork work_of(const Step& step);

/// Calls back when as much time as that has been had.
using SpendTime = std::function<void(std::chrono::nanoseconds, std::function<void()>)>;

struct ModelledDeviceOptions {
  std::string name = "modelled";
  std::int32_t blocks = 1024;
  std::int32_t vocab_size = 32'000;  ///< at least 2; the last token ends a text and is not drawn otherwise
  std::int32_t max_positions = 1 << 20;
  std::int32_t layer_groups = 6;
  std::size_t kv_token_bytes = 1;  ///< at least 1
  std::size_t weight_bytes = 0;
  /// Seconds that a step takes, at least 0. Pure.
  std::function<double(const StepWork&)> seconds;
  /// Factors of those seconds, each as likely as another, of which each step takes one by its id; none: 1.
  std::vector<double> jitter = {};
  std::uint64_t jitter_seed = 0;
  /// How a step gets its time, where it must share it; none: it passes on the observer's clock.
  SpendTime spend = {};
  /// Whether a request's generated token of this index, from 0, is where its text ends by itself; none: it never does.
  std::function<bool(RequestId request, std::int32_t index)> ends = {};
  /// Told of each step as it begins, and of the time it takes where it need not share; may be empty.
  std::function<void(const Step& step, const StepWork& work, std::chrono::nanoseconds takes)> began = {};
};

/// Gives a modelled slab's address space back.
struct SlabUnmapped {
  std::size_t bytes = 0;
  void operator()(std::byte* memory) const;
};

class ModelledDevice final : public Device {
 public:
  explicit ModelledDevice(ModelledDeviceOptions options);
  const DeviceInfo& info() const override { return info_; }
  std::span<std::byte> kv_slab() override { return {slab_.get(), info_.kv.slab_bytes()}; }
  void start(std::shared_ptr<const Step> step, std::shared_ptr<StepObserver> observer) override;

 private:
  std::uint64_t read(std::int32_t group, BlockId block) const;
  void write(std::int32_t group, BlockId block, std::uint64_t fingerprint);
  double jitter_of(StepId step) const;
  void run(const StepSequence& sequence);
  std::uint64_t attend(const StepSequence& sequence) const;
  std::uint64_t sum_of(const StepSequence& sequence, std::int32_t places, std::int32_t group) const;

  ModelledDeviceOptions options_;
  DeviceInfo info_;
  std::unique_ptr<std::byte[], SlabUnmapped> slab_;  // zeros until written, and no memory of the host until then
};

/// The text that a request must get, computed without devices, blocks or actors: the tokens so far, one at a time.
class ExpectedText {
 public:
  void add(TokenId token);
  /// What follows the tokens added so far, at least one, of which the last `generated` are not the prompt's; unless the
  /// text ends.
  TokenId next(const SamplingSpec& sampling, std::int32_t vocab_size, std::int32_t generated) const;

 private:
  std::int32_t position_ = 0;
  std::uint64_t full_blocks_ = 0;  // what attention makes of those that are full
  std::uint64_t last_ = 0;         // fingerprint of the one that is not
};

}  // namespace troupe::device
