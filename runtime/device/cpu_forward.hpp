// One forward pass on the CPU: from a step's tokens to the hidden state of every row, KV written on the way.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kernels/attention/attention.hpp"
#include "kernels/core/cpu_isa.hpp"
#include "kernels/core/parallel.hpp"
#include "runtime/clock/wall_clock.hpp"
#include "runtime/device/cpu_weights.hpp"
#include "runtime/device/step.hpp"
#include "runtime/model/model_config.hpp"

namespace troupe::device {

/// Float32 memory that grows to the largest size asked for and is then reused. Contents do not survive growth.
class CpuBuffer {
 public:
  /// At least `count` floats, 64-byte aligned. Throws std::bad_alloc.
  float* require(std::size_t count);
  float* data() { return data_.get(); }

 private:
  struct Free {
    void operator()(float* memory) const;
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t size_ = 0;
};

/// Adds the time from construction to destruction.
class AddTime {
 public:
  explicit AddTime(std::chrono::nanoseconds& to) : to_(to), from_(clock::steady_now()) {}
  ~AddTime() { to_ += clock::steady_now() - from_; }
  AddTime(const AddTime&) = delete;
  AddTime& operator=(const AddTime&) = delete;

 private:
  std::chrono::nanoseconds& to_;
  std::chrono::steady_clock::time_point from_;
};

/// What a pass runs on; all of it outlives the pass.
struct CpuMachine {
  const model::ModelConfig& config;
  const CpuWeights& weights;
  const kernels::KvLayout& kv;
  std::byte* slab;
  kernels::Parallel& parallel;
  kernels::CpuIsa isa;
};

/// Runs passes one after another in the calling thread and `parallel`. Only the hidden state is as long as the step;
/// every wider buffer is bounded by kChunkRows rows, so that a step of any length needs little memory. A row's result
/// depends on its sequence's tokens alone.
class CpuForward {
 public:
  /// Rows that go through a layer together.
  static constexpr std::int64_t kChunkRows = 256;

  explicit CpuForward(const CpuMachine& machine);

  /// The hidden states of all rows of the step before the final norm, [rows][hidden], in the order of the sequences and
  /// their tokens; valid until the next call. After every layer, `layer_done(layer)`. Adds to attention and matmul
  /// times.
  const float* run(const Step& step, const std::function<void(std::int64_t)>& layer_done, StepTimings& timings);

 private:
  /// Consecutive rows, and the sequences that they are part of.
  struct Chunk {
    std::int64_t first_row = 0;
    std::int64_t rows = 0;
    std::size_t first_sequence = 0;
    std::size_t sequences = 0;
  };

  void lay_out(const Step& step);
  void embed();
  void attend(std::int64_t layer, const Chunk& chunk, StepTimings& timings);
  void feed_forward(std::int64_t layer, const Chunk& chunk, StepTimings& timings);
  void norm_rows(const float* x, const std::vector<float>& weight, std::int64_t rows, float* out);
  template <class Body>
  void over_rows(std::int64_t rows, std::int64_t floats_each, const Body& body);

  const CpuMachine& machine_;
  std::vector<float> inverse_frequencies_;
  // The step, laid out as the kernels take it.
  std::vector<std::int32_t> tokens_, positions_;
  std::vector<std::uint32_t> blocks_;
  std::vector<kernels::AttentionSequence> sequences_;  ///< cut at chunk ends; rows count from the chunk's first
  std::vector<Chunk> chunks_;
  // Arenas.
  CpuBuffer hidden_, cos_, sin_, normed_, qkv_, attended_, gate_up_, activated_;
};

}  // namespace troupe::device
