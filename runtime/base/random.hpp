// Randomness as a function: the same arguments give the same draw on every host, so that a request may move or be
// replayed.
#pragma once

#include <cstdint>

namespace troupe {

/// Mixes 64 bits so that each output bit depends on every input bit (the finaliser of SplitMix64; Steele et al., OOPSLA
/// 2014).
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Where in a request a draw is made.
struct DrawPoint {
  std::uint64_t seed = 0;
  std::uint64_t choice = 0;    ///< which of the request's `n` completions
  std::uint64_t position = 0;  ///< index of the token among the generated ones
};

/// A uniform draw in [0, 1) with 24 bits, exactly representable in float32.
constexpr float uniform_draw(DrawPoint at) {
  const std::uint64_t bits = mix64(mix64(mix64(at.seed) ^ at.choice) ^ at.position);
  return static_cast<float>(bits >> 40) * 0x1p-24f;
}

/// A sequence of draws for simulations and load generators, from one seed.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) : state_(mix64(seed)) {}
  std::uint64_t next() { return mix64(state_++); }
  /// In [0, bound); bound > 0. The bias is below 2^-32 for bounds under 2^32.
  std::uint64_t below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }
  /// In [0, 1) with 53 bits.
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

/// 64 bits of operating-system entropy, for request ids and unseeded requests.
std::uint64_t entropy64();

}  // namespace troupe
