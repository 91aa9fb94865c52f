#include "runtime/device/modelled_device.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/random.hpp"

namespace troupe::device {
namespace {

constexpr auto kPositions = static_cast<std::int32_t>(kernels::kBlockPositions);

/// A block's fingerprint before its first position: its place in the sequence is part of it, and `before`, what
/// attention makes of the blocks in front of it.
std::uint64_t empty_block(std::int32_t place, std::uint64_t before) {
  return mix64(before + static_cast<std::uint64_t>(place));
}

/// Whether the token after so many positions attends to all of them one by one. The others see what the last block made
/// of them: its fingerprint began with all that came before it.
bool thorough(std::int32_t generated, std::int32_t positions) { return generated <= 1 || positions % kPositions == 1; }

std::uint64_t with_token(std::uint64_t fingerprint, TokenId token) {
  return mix64(fingerprint ^ static_cast<std::uint32_t>(token));
}

/// Groups hold different words, so that one in another's place is noticed.
std::uint64_t in_group(std::uint64_t fingerprint, std::int32_t group) {
  return fingerprint + static_cast<std::uint64_t>(group);
}

TokenId draw(std::uint64_t seen, std::int32_t positions, const SamplingSpec& sampling, std::int32_t vocab_size) {
  const std::uint64_t drawn =
      mix64(mix64(seen + static_cast<std::uint64_t>(positions)) ^ mix64(sampling.seed * 31 + sampling.choice));
  return static_cast<TokenId>(drawn % static_cast<std::uint64_t>(vocab_size - 1));
}

/// A step that gets its time bit by bit, from others.
struct SharedStep {
  SpendTime spend;
  std::shared_ptr<StepObserver> observer;
  std::chrono::nanoseconds takes;
  bool watched;
  std::int32_t parts;  // layer groups of a watched step; another is one
  StepResult result;
};

void go_on(const std::shared_ptr<SharedStep>& step, std::int32_t done) {
  if (done == step->parts) return step->observer->finished(std::move(step->result));
  const auto until = [&](std::int32_t part) { return step->takes * part / step->parts; };
  step->spend(until(done + 1) - until(done), [step, done] {
    if (step->watched) step->observer->group_written(step->result.id, done);
    go_on(step, done + 1);
  });
}

}  // namespace

StepWork work_of(const Step& step) {
  StepWork work;
  for (const auto& sequence : step.sequences) {
    if (sequence.tokens.size() == 1 && sequence.generated > 0) {
      ++work.decodes;
      work.decode_context += sequence.first_position + 1;
    } else {
      ++work.prompts;
      work.prompt_tokens += static_cast<std::int64_t>(sequence.tokens.size());
      work.prompt_context += sequence.first_position;
    }
  }
  return work;
}

void SlabUnmapped::operator()(std::byte* memory) const { ::munmap(memory, bytes); }

ModelledDevice::ModelledDevice(ModelledDeviceOptions options) : options_(std::move(options)) {
  CHECK(options_.seconds != nullptr && options_.blocks > 0 && options_.vocab_size > 1 && options_.layer_groups > 0 &&
            options_.kv_token_bytes > 0,
        options_.name);
  info_.name = options_.name;
  // The smallest layout that has room for a word in each (layer, block).
  info_.kv = {.layers = options_.layer_groups,
              .kv_heads = 1,
              .head_dim = 1,
              .blocks = options_.blocks,
              .dtype = kernels::DType::kBf16};
  info_.vocab_size = options_.vocab_size;
  info_.max_positions = options_.max_positions;
  info_.weight_bytes = options_.weight_bytes;
  info_.layer_groups = options_.layer_groups;
  info_.modelled_kv_token_bytes = options_.kv_token_bytes;
  // Of a large slab little is ever touched: the host need not have room for all of it.
  const std::size_t bytes = info_.kv.slab_bytes();
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED, "no address space for a modelled slab of", bytes, "bytes");
  slab_ = std::unique_ptr<std::byte[], SlabUnmapped>(static_cast<std::byte*>(memory), SlabUnmapped{bytes});
}

std::uint64_t ModelledDevice::read(std::int32_t group, BlockId block) const {
  std::uint64_t fingerprint = 0;
  std::memcpy(&fingerprint, slab_.get() + info_.kv.offset(group, block.value), sizeof fingerprint);
  return fingerprint;
}

void ModelledDevice::write(std::int32_t group, BlockId block, std::uint64_t fingerprint) {
  std::memcpy(slab_.get() + info_.kv.offset(group, block.value), &fingerprint, sizeof fingerprint);
}

std::uint64_t ModelledDevice::sum_of(const StepSequence& sequence, std::int32_t places, std::int32_t group) const {
  std::uint64_t sum = 0;
  for (std::int32_t place = 0; place < places; ++place)
    sum += mix64(read(group, sequence.blocks[static_cast<std::size_t>(place)]) - static_cast<std::uint64_t>(group));
  return sum;
}

void ModelledDevice::run(const StepSequence& sequence) {
  const auto end = sequence.first_position + static_cast<std::int32_t>(sequence.tokens.size());
  CHECK((end + kPositions - 1) / kPositions <= static_cast<std::int32_t>(sequence.blocks.size()), sequence.request, end,
        sequence.blocks.size());
  std::uint64_t before = 0;
  bool known = false;  // `before`, of the place to come
  for (auto position = sequence.first_position; position < end;) {
    const std::int32_t place = position / kPositions;
    const std::int32_t stop = std::min(end, (place + 1) * kPositions);
    const BlockId block = sequence.blocks[static_cast<std::size_t>(place)];
    CHECK(block.value < info_.kv.blocks, sequence.request, block);
    const bool begins = position % kPositions == 0;
    if (begins && !std::exchange(known, true)) before = sum_of(sequence, place, place % options_.layer_groups);
    const auto* const tokens = sequence.tokens.data() + (position - sequence.first_position);
    std::uint64_t fingerprint = 0;
    // Each group goes on from its own word: one that did not arrive must not be put right by another.
    for (std::int32_t group = options_.layer_groups - 1; group >= 0; --group) {
      fingerprint = begins ? empty_block(place, before) : read(group, block) - static_cast<std::uint64_t>(group);
      for (std::int32_t i = 0; i < stop - position; ++i) fingerprint = with_token(fingerprint, tokens[i]);
      write(group, block, in_group(fingerprint, group));
    }
    if (known) before += mix64(fingerprint);
    position = stop;
  }
}

std::uint64_t ModelledDevice::attend(const StepSequence& sequence) const {
  const auto positions = sequence.first_position + static_cast<std::int32_t>(sequence.tokens.size());
  const std::int32_t places = (positions + kPositions - 1) / kPositions;
  const std::int32_t turn = positions % options_.layer_groups;
  if (!thorough(sequence.generated, positions)) {
    const BlockId last = sequence.blocks[static_cast<std::size_t>(places - 1)];
    return mix64(read(turn, last) - static_cast<std::uint64_t>(turn));
  }
  std::uint64_t seen = sum_of(sequence, places, turn);
  for (std::int32_t group = 0; group < options_.layer_groups && sequence.generated <= 1; ++group)
    if (const auto other = sum_of(sequence, places, group); other != seen) seen = mix64(seen ^ other);
  return seen;
}

double ModelledDevice::jitter_of(StepId step) const {
  if (options_.jitter.empty()) return 1;
  RandomStream draw(mix64(options_.jitter_seed) ^ step.value);
  return options_.jitter[draw.below(options_.jitter.size())];
}

void ModelledDevice::start(std::shared_ptr<const Step> step, std::shared_ptr<StepObserver> observer) {
  StepResult result;
  result.id = step->id;
  result.sequences.reserve(step->sequences.size());
  for (const auto& sequence : step->sequences) {
    CHECK(!sequence.tokens.empty(), sequence.request);
    run(sequence);
    SequenceResult answer;
    answer.request = sequence.request;
    if (sequence.sample && options_.ends && options_.ends(sequence.request, sequence.generated)) {
      answer.token = options_.vocab_size - 1;
    } else if (sequence.sample) {
      answer.token = draw(attend(sequence), sequence.first_position + static_cast<std::int32_t>(sequence.tokens.size()),
                          *sequence.sampling, options_.vocab_size);
    }
    result.sequences.push_back(std::move(answer));
  }
  const StepWork work = work_of(*step);
  const double seconds = options_.seconds(work) * jitter_of(step->id);
  CHECK(seconds >= 0 && seconds < 1e9, options_.name, seconds);
  const std::chrono::nanoseconds takes(static_cast<std::int64_t>(seconds * 1e9 + 0.5));
  result.timings.total = takes;
  if (options_.began) options_.began(*step, work, takes);
  if (options_.spend)
    return go_on(std::make_shared<SharedStep>(SharedStep{options_.spend, std::move(observer), takes, step->watched,
                                                         step->watched ? options_.layer_groups : 1, std::move(result)}),
                 0);
  for (std::int32_t group = 0; group < options_.layer_groups && step->watched; ++group)
    observer->group_written_after(takes * (group + 1) / options_.layer_groups, step->id, group);
  observer->finished_after(takes, std::move(result));
}

void ExpectedText::add(TokenId token) {
  if (position_ % kPositions == 0) {
    if (position_ > 0) full_blocks_ += mix64(last_);
    last_ = empty_block(position_ / kPositions, full_blocks_);
  }
  last_ = with_token(last_, token);
  ++position_;
}

TokenId ExpectedText::next(const SamplingSpec& sampling, std::int32_t vocab_size, std::int32_t generated) const {
  const std::uint64_t seen = (thorough(generated, position_) ? full_blocks_ : 0) + mix64(last_);
  return draw(seen, position_, sampling, vocab_size);
}

}  // namespace troupe::device
