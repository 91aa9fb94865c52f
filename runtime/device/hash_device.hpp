// A device whose tokens are a hash of all that its KV cache holds for the sequence, so that any lost, repeated or
// foreign KV block changes the text. It computes nothing a model would; it is what actors are tested and simulated
// with.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "runtime/device/device.hpp"

namespace troupe::device {

struct HashDeviceOptions {
  std::int32_t blocks = 64;
  std::int32_t vocab_size = 1000;
  std::int32_t max_positions = 4096;
  std::int32_t layers = 1;  ///< of the KV cache; each is a group of its own
  /// What a step costs in the actors' time; at least 0.
  std::function<std::chrono::nanoseconds(const Step&)> cost = [](const Step&) {
    return std::chrono::microseconds{100};
  };
  /// Asked before each step: an error is the step's fault.
  std::function<std::optional<Error>(const Step&)> fault = {};
};

class HashDevice final : public Device {
 public:
  explicit HashDevice(HashDeviceOptions options);
  const DeviceInfo& info() const override { return info_; }
  std::span<std::byte> kv_slab() override { return std::as_writable_bytes(std::span{slab_}); }
  void start(std::shared_ptr<const Step> step, std::shared_ptr<StepObserver> observer) override;

  /// The token that follows `tokens`: what a request gets when nothing goes wrong on the way. Sampling is part of it
  /// through `seed` and `choice`.
  static TokenId next_token(std::span<const TokenId> tokens, const SamplingSpec& sampling, std::int32_t vocab_size);

 private:
  std::uint64_t& kv_at(const StepSequence& sequence, std::int32_t layer, std::int32_t position);

  /// What attention finds for a position: the first layer's word, or another one where a layer does not fit it.
  std::uint64_t seen_at(const StepSequence& sequence, std::int32_t position);

  HashDeviceOptions options_;
  DeviceInfo info_;
  std::vector<std::uint64_t> slab_;  // layer by layer, one word for each position of each block
};

}  // namespace troupe::device
