// The mix-in from which every actor of Troupe derives: it gives the actor its clock, lets the recorder see each
// message, and tells ThreadSanitizer of the hand-overs that CAF's uninstrumented library makes.
#pragma once

#include <chrono>
#include <utility>

#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>
#include <caf/invoke_message_result.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "runtime/trace/hook.hpp"

#ifdef __SANITIZE_THREAD__
extern "C" {
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#endif

namespace troupe::exec {

/// Actor<InterfaceActor::base>: derive an actor's class from this. Time comes from now() and from delayed messages
/// alone, so that the same class runs under a virtual clock. CAF destroys an actor's members only when no handle to it
/// is left, so where handles form a cycle one of its actors lets go of them in on_exit().
template <class Base>
class Actor : public Base {
 public:
  using Base::Base;

  std::chrono::steady_clock::time_point now() const { return this->home_system().clock().now(); }

  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* unit) override {
#ifdef __SANITIZE_THREAD__
    __tsan_release(element.get());
    __tsan_release(this);
#endif
    trace::on_enqueue(*this, *element);
    Base::enqueue(std::move(element), unit);
  }

  caf::invoke_message_result consume(caf::mailbox_element& element) override {
#ifdef __SANITIZE_THREAD__
    __tsan_acquire(&element);
#endif
    const trace::ConsumeScope scope(*this, element);
    return Base::consume(element);
  }

#ifdef __SANITIZE_THREAD__
  void launch(caf::execution_unit* unit, bool lazy, bool hide) override {
    __tsan_release(this);
    Base::launch(unit, lazy, hide);
  }

  caf::resumable::resume_result resume(caf::execution_unit* unit, size_t max_throughput) override {
    __tsan_acquire(this);
    const auto keep = caf::actor_cast<caf::strong_actor_ptr>(this);
    const auto result = Base::resume(unit, max_throughput);
    __tsan_release(this);
    return result;
  }
#endif
};

}  // namespace troupe::exec
