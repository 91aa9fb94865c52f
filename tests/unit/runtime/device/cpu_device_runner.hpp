// Runs a CPU device from a test's own thread: one step in, one result out, and greedy continuations with chosen
// batching and chunking.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/device/cpu_device.hpp"
#include "runtime/model/checkpoint.hpp"

namespace troupe::device {

inline std::string golden_models() { return std::string(TROUPE_SOURCE_DIR) + "/tests/golden/models/"; }

/// What make_model_golden.py left beside a checkpoint.
struct Golden {
  std::vector<TokenId> prompt;
  std::vector<TokenId> greedy;
  std::int32_t vocab = 0;
  std::vector<float> logprobs;  ///< [prompt][vocab]
};

inline Golden read_golden(const std::string& name) {
  std::ifstream text(golden_models() + name + "/golden.json");
  const auto json = nlohmann::json::parse(text);
  Golden out{json.at("prompt"), json.at("greedy"), json.at("vocab"), {}};
  std::ifstream binary(golden_models() + name + "/logprobs.f32", std::ios::binary);
  out.logprobs.resize(out.prompt.size() * static_cast<std::size_t>(out.vocab));
  binary.read(reinterpret_cast<char*>(out.logprobs.data()),
              static_cast<std::streamsize>(out.logprobs.size() * sizeof(float)));
  CHECK(binary.good(), name);
  return out;
}

class RecordingObserver final : public StepObserver {
 public:
  void group_written(StepId, std::int32_t group) override {
    const std::lock_guard lock(mutex_);
    groups_.push_back(group);
  }
  void finished(StepResult result) override {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
    done_.notify_all();
  }
  void finished_after(std::chrono::nanoseconds, StepResult) override { CHECK(false, "a CPU device spends real time"); }

  StepResult wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return result_.has_value(); });
    return std::move(*result_);
  }
  const std::vector<std::int32_t>& groups() const { return groups_; }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  std::vector<std::int32_t> groups_;
  std::optional<StepResult> result_;
};

inline std::unique_ptr<CpuDevice> load_device(const std::string& directory, CpuDeviceOptions options = {}) {
  if (options.blocks == 0 && options.kv_bytes == 0) options.blocks = 64;
  if (options.threads == 0) options.threads = 1;
  auto checkpoint = model::Checkpoint::open(directory);
  CHECK(checkpoint.ok(), checkpoint.error().message);
  auto device = CpuDevice::load(*checkpoint, options);
  CHECK(device.ok(), device.error().message);
  return std::move(device).value();
}

inline StepResult run_step(CpuDevice& device, std::vector<StepSequence> sequences) {
  static std::uint64_t next = 0;
  auto observer = std::make_shared<RecordingObserver>();
  auto step = std::make_shared<Step>();
  step->id = StepId{++next};
  step->sequences = std::move(sequences);
  device.start(step, observer);
  return observer->wait();
}

inline std::shared_ptr<SamplingSpec> greedy_spec() {
  auto spec = std::make_shared<SamplingSpec>();
  spec->params.temperature = 0;
  return spec;
}

/// One sequence being continued.
struct Continuation {
  std::vector<TokenId> tokens;  ///< prompt, then what was generated
  std::size_t prompt = 0;
  std::size_t computed = 0;
  std::vector<BlockId> blocks;
  std::shared_ptr<const SamplingSpec> sampling;
  std::vector<float> logprobs;  ///< of each generated token, where asked for

  /// Its next `limit` tokens at most, as a share of a step.
  StepSequence next(std::size_t limit, RequestId request) const {
    StepSequence out;
    out.request = request;
    const auto end = std::min(tokens.size(), computed + limit);
    out.tokens.assign(tokens.begin() + static_cast<std::ptrdiff_t>(computed),
                      tokens.begin() + static_cast<std::ptrdiff_t>(end));
    out.first_position = static_cast<std::int32_t>(computed);
    out.blocks = blocks;
    out.sampling = sampling;
    out.sample = end == tokens.size();
    out.generated = static_cast<std::int32_t>(tokens.size() - prompt);
    if (sampling->params.needs_history()) {
      out.history = tokens;
      out.history_prompt_tokens = static_cast<std::int32_t>(prompt);
    }
    return out;
  }
  std::vector<TokenId> generated() const {
    return {tokens.begin() + static_cast<std::ptrdiff_t>(prompt), tokens.end()};
  }
};

/// Blocks first, first + stride, ... for `positions` positions: scattered tables show mistakes that neighbouring blocks
/// hide.
inline std::vector<BlockId> scattered_blocks(std::uint32_t first, std::uint32_t stride, std::size_t positions) {
  std::vector<BlockId> out;
  for (std::size_t i = 0; i * 16 < positions; ++i) out.push_back({first + static_cast<std::uint32_t>(i) * stride});
  return out;
}

inline Continuation start_run(std::vector<TokenId> prompt, std::vector<BlockId> blocks,
                              std::shared_ptr<const SamplingSpec> sampling) {
  Continuation out;
  out.prompt = prompt.size();
  out.tokens = std::move(prompt);
  out.blocks = std::move(blocks);
  out.sampling = std::move(sampling);
  return out;
}

/// Runs all together until each has `count` new tokens; prompts go in chunks of `chunk`. Sequence i joins at step i *
/// `join_every`.
inline void continue_runs(CpuDevice& device, std::vector<Continuation>& runs, std::size_t count, std::size_t chunk,
                          std::size_t join_every = 0) {
  for (std::size_t step = 0;; ++step) {
    std::vector<StepSequence> shares;
    std::vector<Continuation*> takers;
    bool all_done = true;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      auto& run = runs[i];
      if (run.tokens.size() - run.prompt >= count) continue;
      all_done = false;
      if (step < i * join_every) continue;
      shares.push_back(run.next(chunk, RequestId{i}));
      takers.push_back(&run);
    }
    if (all_done) return;
    if (shares.empty()) continue;
    auto sent = shares;
    const auto result = run_step(device, std::move(shares));
    CHECK(!result.fault);
    for (std::size_t i = 0; i < takers.size(); ++i) {
      takers[i]->computed += sent[i].tokens.size();
      const auto& got = result.sequences[i];
      if (!sent[i].sample) continue;
      CHECK(!got.numerical_fault);
      takers[i]->tokens.push_back(got.token);
      if (got.logprobs) takers[i]->logprobs.push_back(got.logprobs->logprob);
    }
  }
}

}  // namespace troupe::device
