#include "actors/policies/library_failures.hpp"

#include <iostream>
#include <mutex>
#include <utility>

namespace troupe::policies {
namespace {

struct Listener {
  std::mutex mutex;
  TellLibraryFailure tell;
};

Listener& listener() {
  static Listener one;
  return one;
}

}  // namespace

void tell_library_failures(TellLibraryFailure tell) {
  const std::lock_guard lock(listener().mutex);
  listener().tell = std::move(tell);
}

void library_failed(const LibraryFailure& failure) {
  const std::lock_guard lock(listener().mutex);
  if (listener().tell) return listener().tell(failure);
  std::cerr << "troupe: the " << failure.kind << " \"" << failure.policy << "\" of a library failed, " << failure.what
            << "; the built-in rule stands in whenever it does (said once).\n";
}

}  // namespace troupe::policies
