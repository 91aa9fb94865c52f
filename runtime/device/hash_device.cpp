#include "runtime/device/hash_device.hpp"

#include "runtime/base/check.hpp"
#include "runtime/base/random.hpp"

namespace troupe::device {
namespace {

/// What the cache holds for a token: the position is part of it, so that blocks in the wrong order are noticed.
std::uint64_t kv_of(TokenId token, std::int32_t position) {
  return mix64((static_cast<std::uint64_t>(static_cast<std::uint32_t>(position)) << 32) |
               static_cast<std::uint32_t>(token));
}

std::uint64_t attend(std::uint64_t so_far, std::uint64_t kv) { return mix64(so_far ^ kv); }

TokenId draw(std::uint64_t hash, const SamplingSpec& sampling, std::int32_t vocab_size) {
  const std::uint64_t drawn = mix64(hash ^ mix64(sampling.seed * 31 + sampling.choice));
  return static_cast<TokenId>(drawn % static_cast<std::uint64_t>(vocab_size));
}

}  // namespace

HashDevice::HashDevice(HashDeviceOptions options) : options_(std::move(options)) {
  info_.name = "hash";
  // Two float32 a position: a word of 64 bits.
  info_.kv = {.layers = options_.layers,
              .kv_heads = 1,
              .head_dim = 1,
              .blocks = options_.blocks,
              .dtype = kernels::DType::kF32};
  info_.vocab_size = options_.vocab_size;
  info_.max_positions = options_.max_positions;
  info_.layer_groups = options_.layers;
  slab_.resize(info_.kv.slab_bytes() / sizeof(std::uint64_t));
}

std::uint64_t& HashDevice::kv_at(const StepSequence& sequence, std::int32_t layer, std::int32_t position) {
  const auto place = static_cast<std::size_t>(position / kernels::kBlockPositions);
  CHECK(place < sequence.blocks.size(), sequence.request, position, sequence.blocks.size());
  const auto block = info_.kv.blocks * layer + sequence.blocks[place].value;
  return slab_.at(static_cast<std::size_t>(block) * static_cast<std::size_t>(kernels::kBlockPositions) +
                  static_cast<std::size_t>(position % kernels::kBlockPositions));
}

std::uint64_t HashDevice::seen_at(const StepSequence& sequence, std::int32_t position) {
  const std::uint64_t first = kv_at(sequence, 0, position);
  for (std::int32_t layer = 1; layer < options_.layers; ++layer)
    if (kv_at(sequence, layer, position) != first + static_cast<std::uint64_t>(layer)) return ~first;
  return first;
}

void HashDevice::start(std::shared_ptr<const Step> step, std::shared_ptr<StepObserver> observer) {
  StepResult result;
  result.id = step->id;
  if (options_.fault) result.fault = options_.fault(*step);
  if (!result.fault) {
    for (const auto& sequence : step->sequences) {
      CHECK(!sequence.tokens.empty(), sequence.request);
      auto position = sequence.first_position;
      for (const TokenId token : sequence.tokens) {
        for (std::int32_t layer = 0; layer < options_.layers; ++layer)
          kv_at(sequence, layer, position) = kv_of(token, position) + static_cast<std::uint64_t>(layer);
        ++position;
      }
      SequenceResult answer;
      answer.request = sequence.request;
      if (sequence.sample) {
        std::uint64_t hash = 0;
        for (std::int32_t i = 0; i < position; ++i) hash = attend(hash, seen_at(sequence, i));
        answer.token = draw(hash, *sequence.sampling, options_.vocab_size);
      }
      result.sequences.push_back(std::move(answer));
    }
  }
  result.timings.total = options_.cost(*step);
  for (std::int32_t group = 0; group < options_.layers && step->watched && !result.fault; ++group)
    observer->group_written(step->id, group);
  observer->finished_after(result.timings.total, std::move(result));
}

TokenId HashDevice::next_token(std::span<const TokenId> tokens, const SamplingSpec& sampling, std::int32_t vocab_size) {
  std::uint64_t hash = 0;
  std::int32_t position = 0;
  for (const TokenId token : tokens) hash = attend(hash, kv_of(token, position++));
  return draw(hash, sampling, vocab_size);
}

}  // namespace troupe::device
