// Inputs for kernel tests: numbers that a seed decides, and orders of work that a real team of threads might show.
#pragma once

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "kernels/core/cpu_isa.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/parallel.hpp"

namespace troupe::kernels {

/// The instruction sets that this host can run.
inline std::vector<CpuIsa> isas_here() {
  std::vector<CpuIsa> isas;
  for (const CpuIsa isa : {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512})
    if (supports(isa)) isas.push_back(isa);
  return isas;
}

/// Numbers in [-1, 1) with 24 random bits (SplitMix64).
inline std::vector<float> random_numbers(std::size_t count, std::uint64_t seed) {
  std::vector<float> numbers(count);
  for (float& number : numbers) {
    std::uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    number = static_cast<float>(static_cast<std::int64_t>((z ^ (z >> 31)) >> 40) - (1 << 23)) * 0x1p-23f;
  }
  return numbers;
}

/// The numbers as a checkpoint of that type stores them.
inline std::vector<std::byte> stored_as(DType type, const std::vector<float>& numbers) {
  std::vector<std::byte> bytes(numbers.size() * bytes_of(type));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (type == DType::kF32) {
      std::memcpy(&bytes[i * 4], &numbers[i], 4);
    } else {
      const std::uint16_t bits = type == DType::kF16 ? f32_to_f16(numbers[i]) : f32_to_bf16(numbers[i]);
      std::memcpy(&bytes[i * 2], &bits, 2);
    }
  }
  return bytes;
}

/// What a number is after having been stored.
inline float rounded_to(DType type, float number) {
  return type == DType::kF32   ? number
         : type == DType::kF16 ? f16_to_f32(f32_to_f16(number))
                               : bf16_to_f32(f32_to_bf16(number));
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Says that it is wide, and takes the parts last first.
class Backwards final : public Parallel {
 public:
  explicit Backwards(std::size_t width) : width_(width) {}
  std::size_t width() const override { return width_; }

 private:
  void run_parts(std::size_t parts, PartFunction function, const void* context) override {
    while (parts > 0) function(context, --parts);
  }
  std::size_t width_;
};

/// Three threads, part i to thread i mod 3.
class ThreeThreads final : public Parallel {
 public:
  std::size_t width() const override { return 3; }

 private:
  void run_parts(std::size_t parts, PartFunction function, const void* context) override {
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 3; ++t)
      threads.emplace_back([=] {
        for (std::size_t part = t; part < parts; part += 3) function(context, part);
      });
    for (std::thread& thread : threads) thread.join();
  }
};

}  // namespace troupe::kernels
