// A deadline that is moved far more often than it is met. Internal to runtime/http.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "runtime/clock/wall_clock.hpp"

namespace troupe::http {

/// Calls `(owner.*expired)()` when armed and not re-armed or disarmed in time. Moving it later or disarming it costs no
/// timer operation: the running timer looks again when it fires. Holds its owner alive while a timer runs; cancel()
/// ends that.
template <class Owner>
class Deadline {
 public:
  using Duration = std::chrono::steady_clock::duration;

  Deadline(boost::asio::io_context& io, void (Owner::*expired)()) : timer_(io), expired_(expired) {}

  void arm(const std::shared_ptr<Owner>& owner, Duration after) {
    due_ = clock::steady_now() + after;
    armed_ = true;
    if (!waiting_ || due_ < wakes_) wait(owner);
  }
  void disarm() { armed_ = false; }
  void cancel() {
    armed_ = false;
    waiting_ = false;
    ++generation_;
    timer_.cancel();
  }

 private:
  void wait(const std::shared_ptr<Owner>& owner) {
    waiting_ = true;
    wakes_ = due_;
    timer_.expires_at(wakes_);
    timer_.async_wait([this, owner, generation = ++generation_](const boost::system::error_code&) {
      if (generation != generation_) return;
      waiting_ = false;
      if (!armed_) return;
      if (clock::steady_now() < due_) return wait(owner);
      armed_ = false;
      (owner.get()->*expired_)();
    });
  }

  boost::asio::steady_timer timer_;
  void (Owner::*expired_)();
  std::chrono::steady_clock::time_point due_{};
  std::chrono::steady_clock::time_point wakes_{};
  std::uint64_t generation_ = 0;
  bool armed_ = false;
  bool waiting_ = false;
};

}  // namespace troupe::http
