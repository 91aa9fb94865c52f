#include "runtime/device/cpu_forward.hpp"

#include <algorithm>
#include <cmath>
#include <new>

#include "kernels/embedding/embedding.hpp"
#include "kernels/matmul/matmul.hpp"
#include "kernels/rms_norm/rms_norm.hpp"
#include "kernels/rope/rope.hpp"
#include "kernels/swiglu/swiglu.hpp"

namespace troupe::device {
namespace {

constexpr std::size_t kAlignment = 64;
/// Floats below which waking another thread costs more than it saves (about 10 us of element-wise work).
constexpr std::int64_t kWorthSharing = 1 << 16;
constexpr std::int64_t kPartsPerThread = 2;

}  // namespace

void CpuBuffer::Free::operator()(float* memory) const { ::operator delete[](memory, std::align_val_t{kAlignment}); }

float* CpuBuffer::require(std::size_t count) {
  if (count > size_) {
    data_.reset();
    size_ = 0;
    data_.reset(static_cast<float*>(::operator new[](count * sizeof(float), std::align_val_t{kAlignment})));
    size_ = count;
  }
  return data_.get();
}

CpuForward::CpuForward(const CpuMachine& machine)
    : machine_(machine),
      inverse_frequencies_(model::inverse_frequencies(machine.config.rope, machine.config.head_dim)) {}

template <class Body>
void CpuForward::over_rows(std::int64_t rows, std::int64_t floats_each, const Body& body) {
  const auto width = static_cast<std::int64_t>(machine_.parallel.width());
  if (width == 1 || rows * floats_each < kWorthSharing) return body(0, rows);
  const auto parts = std::min(rows, width * kPartsPerThread);
  machine_.parallel.run(static_cast<std::size_t>(parts), [&](std::size_t part) {
    const auto at = static_cast<std::int64_t>(part);
    const auto first = rows * at / parts;
    body(first, rows * (at + 1) / parts - first);
  });
}

const float* CpuForward::run(const Step& step, const std::function<void(std::int64_t)>& layer_done,
                             StepTimings& timings) {
  lay_out(step);
  embed();
  for (std::int64_t layer = 0; layer < machine_.config.layers; ++layer) {
    // Chunks in order: what a chunk attends to in its own step was stored by the chunks before it.
    for (const auto& chunk : chunks_) {
      attend(layer, chunk, timings);
      feed_forward(layer, chunk, timings);
    }
    layer_done(layer);
  }
  return hidden_.data();
}

void CpuForward::lay_out(const Step& step) {
  tokens_.clear();
  positions_.clear();
  blocks_.clear();
  sequences_.clear();
  chunks_.clear();
  for (const auto& sequence : step.sequences)
    for (const auto block : sequence.blocks) blocks_.push_back(block.value);
  const std::uint32_t* table = blocks_.data();
  for (const auto& sequence : step.sequences) {
    const auto count = static_cast<std::int64_t>(sequence.tokens.size());
    tokens_.insert(tokens_.end(), sequence.tokens.begin(), sequence.tokens.end());
    for (std::int64_t taken = 0; taken < count;) {
      if (chunks_.empty() || chunks_.back().rows == kChunkRows)
        chunks_.push_back({static_cast<std::int64_t>(positions_.size()), 0, sequences_.size(), 0});
      auto& chunk = chunks_.back();
      const auto rows = std::min(count - taken, kChunkRows - chunk.rows);
      sequences_.push_back({chunk.rows, rows, sequence.first_position + taken, table});
      for (std::int64_t row = 0; row < rows; ++row)
        positions_.push_back(static_cast<std::int32_t>(sequence.first_position + taken + row));
      chunk.rows += rows;
      ++chunk.sequences;
      taken += rows;
    }
    table += sequence.blocks.size();
  }
}

void CpuForward::embed() {
  const auto rows = static_cast<std::int64_t>(tokens_.size());
  const auto hidden = machine_.config.hidden_size;
  const auto half = static_cast<std::int64_t>(inverse_frequencies_.size());
  float* x = hidden_.require(static_cast<std::size_t>(rows * hidden));
  float* cos = cos_.require(static_cast<std::size_t>(rows * half));
  float* sin = sin_.require(static_cast<std::size_t>(rows * half));
  const auto scale = static_cast<float>(machine_.config.rope.attention_factor);
  const std::span<const std::int32_t> tokens(tokens_), positions(positions_);
  // A cosine and a sine cost about as much as 64 copied floats.
  over_rows(rows, hidden + 64 * half, [&](std::int64_t first, std::int64_t count) {
    const auto at = static_cast<std::size_t>(first), many = static_cast<std::size_t>(count);
    kernels::embedding(machine_.isa, machine_.weights.embedding, tokens.subspan(at, many), x + first * hidden);
    kernels::rope_angles(positions.subspan(at, many), inverse_frequencies_, scale, cos + first * half,
                         sin + first * half);
  });
}

void CpuForward::norm_rows(const float* x, const std::vector<float>& weight, std::int64_t rows, float* out) {
  const auto hidden = machine_.config.hidden_size;
  over_rows(rows, hidden, [&](std::int64_t first, std::int64_t count) {
    kernels::rms_norm(machine_.isa, {.x = x + first * hidden,
                                     .weight = weight.data(),
                                     .out = out + first * hidden,
                                     .rows = count,
                                     .width = hidden,
                                     .stride = hidden,
                                     .epsilon = static_cast<float>(machine_.config.rms_norm_epsilon)});
  });
}

void CpuForward::attend(std::int64_t layer, const Chunk& chunk, StepTimings& timings) {
  const auto& config = machine_.config;
  const auto& weights = machine_.weights.layers[static_cast<std::size_t>(layer)];
  const auto hidden = config.hidden_size, q_size = config.q_size(), kv_size = config.kv_size();
  const auto stride = q_size + 2 * kv_size;
  const auto half = static_cast<std::int64_t>(inverse_frequencies_.size());
  const auto rows = static_cast<std::size_t>(chunk.rows);
  float* x = hidden_.data() + chunk.first_row * hidden;
  float* normed = normed_.require(rows * static_cast<std::size_t>(hidden));
  float* qkv = qkv_.require(rows * static_cast<std::size_t>(stride));
  float* attended = attended_.require(rows * static_cast<std::size_t>(q_size));

  norm_rows(x, weights.attention_norm, chunk.rows, normed);
  {
    const AddTime time(timings.matmul);
    kernels::matmul(machine_.isa, machine_.parallel,
                    {.x = normed,
                     .x_stride = hidden,
                     .weights = &weights.qkv.weights,
                     .bias = weights.qkv.bias_or_null(),
                     .y = qkv,
                     .y_stride = stride,
                     .rows = chunk.rows});
  }
  const float* cos = cos_.data() + chunk.first_row * half;
  const float* sin = sin_.data() + chunk.first_row * half;
  over_rows(chunk.rows, q_size + kv_size, [&](std::int64_t first, std::int64_t count) {
    const auto norm_heads = [&](float* heads, std::int64_t how_many, const std::vector<float>& weight) {
      kernels::rms_norm(machine_.isa, {.x = heads,
                                       .weight = weight.data(),
                                       .out = heads,
                                       .rows = how_many,
                                       .width = config.head_dim,
                                       .stride = config.head_dim,
                                       .epsilon = static_cast<float>(config.rms_norm_epsilon)});
    };
    if (config.qk_norm) {
      for (std::int64_t row = first; row < first + count; ++row) {
        norm_heads(qkv + row * stride, config.heads, weights.q_norm);
        norm_heads(qkv + row * stride + q_size, config.kv_heads, weights.k_norm);
      }
    }
    // q's heads and k's lie side by side and turn alike.
    kernels::rope(machine_.isa, {.x = qkv + first * stride,
                                 .rows = count,
                                 .row_stride = stride,
                                 .heads = config.heads + config.kv_heads,
                                 .head_dim = config.head_dim,
                                 .half = half,
                                 .cos = cos + first * half,
                                 .sin = sin + first * half});
  });
  {
    const AddTime time(timings.attention);
    const std::span sequences(sequences_.data() + chunk.first_sequence, chunk.sequences);
    kernels::store_kv(machine_.isa, machine_.parallel,
                      {.k = qkv + q_size,
                       .v = qkv + q_size + kv_size,
                       .row_stride = stride,
                       .slab = machine_.slab,
                       .layout = &machine_.kv,
                       .layer = layer,
                       .sequences = sequences});
    kernels::attention(machine_.isa, machine_.parallel,
                       {.q = qkv,
                        .q_stride = stride,
                        .out = attended,
                        .out_stride = q_size,
                        .heads = config.heads,
                        .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_dim))),
                        .window = config.windows[static_cast<std::size_t>(layer)],
                        .slab = machine_.slab,
                        .layout = &machine_.kv,
                        .layer = layer,
                        .sequences = sequences});
  }
  const AddTime time(timings.matmul);
  kernels::matmul(machine_.isa, machine_.parallel,
                  {.x = attended,
                   .x_stride = q_size,
                   .weights = &weights.output.weights,
                   .bias = weights.output.bias_or_null(),
                   .y = x,
                   .y_stride = hidden,
                   .rows = chunk.rows,
                   .accumulate = true});
}

void CpuForward::feed_forward(std::int64_t layer, const Chunk& chunk, StepTimings& timings) {
  const auto& weights = machine_.weights.layers[static_cast<std::size_t>(layer)];
  const auto hidden = machine_.config.hidden_size, width = machine_.config.intermediate_size;
  const auto rows = static_cast<std::size_t>(chunk.rows);
  float* x = hidden_.data() + chunk.first_row * hidden;
  float* normed = normed_.require(rows * static_cast<std::size_t>(hidden));
  float* gate_up = gate_up_.require(rows * static_cast<std::size_t>(2 * width));
  float* activated = activated_.require(rows * static_cast<std::size_t>(width));

  norm_rows(x, weights.mlp_norm, chunk.rows, normed);
  {
    const AddTime time(timings.matmul);
    kernels::matmul(machine_.isa, machine_.parallel,
                    {.x = normed,
                     .x_stride = hidden,
                     .weights = &weights.gate_up.weights,
                     .bias = weights.gate_up.bias_or_null(),
                     .y = gate_up,
                     .y_stride = 2 * width,
                     .rows = chunk.rows});
  }
  // An exponential costs about as much as 8 copied floats.
  over_rows(chunk.rows, 8 * width, [&](std::int64_t first, std::int64_t count) {
    kernels::swiglu(machine_.isa, gate_up + first * 2 * width, activated + first * width, count, width);
  });
  const AddTime time(timings.matmul);
  kernels::matmul(machine_.isa, machine_.parallel,
                  {.x = activated,
                   .x_stride = width,
                   .weights = &weights.down.weights,
                   .bias = weights.down.bias_or_null(),
                   .y = x,
                   .y_stride = hidden,
                   .rows = chunk.rows,
                   .accumulate = true});
}

}  // namespace troupe::device
