// Tells of refused connections without letting whoever makes them fill the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace troupe::control {

struct Refusal {
  std::string peer;
  std::string why;           ///< a sentence or more: what was wrong and what to do
  std::uint64_t untold = 0;  ///< others since the last that was told
};

/// Any thread may report.
class Refusals {
 public:
  /// `tell` hears `kMostAtOnce` refusals at once, and later one for each `kPause`.
  explicit Refusals(std::function<void(const Refusal&)> tell) : tell_(std::move(tell)) {}

  static constexpr std::uint64_t kMostAtOnce = 8;
  static constexpr std::chrono::seconds kPause{5};

  void report(std::string peer, std::string why);
  /// How many there were, told or not.
  std::uint64_t count() const;

 private:
  mutable std::mutex mutex_;
  std::function<void(const Refusal&)> tell_;
  std::uint64_t allowed_ = kMostAtOnce;
  std::uint64_t untold_ = 0;
  std::uint64_t count_ = 0;
  std::chrono::steady_clock::time_point refilled_{};
};

}  // namespace troupe::control
