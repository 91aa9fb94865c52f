// The libraries that tests of policies load, built from libraries/*.cpp, and who hears of their failures.
#pragma once

#include <string>
#include <vector>

#include "actors/policies/library_failures.hpp"

namespace troupe::policies {

inline std::string library(const std::string& name) {
  return std::string(TROUPE_POLICY_LIBRARIES "/lib") + name + ".so";
}

/// Hears of failures while it lives, in place of stderr.
class Failures {
 public:
  Failures() {
    tell_library_failures([this](const LibraryFailure& failure) { told.push_back(failure); });
  }
  ~Failures() { tell_library_failures(nullptr); }
  Failures(const Failures&) = delete;
  Failures& operator=(const Failures&) = delete;

  std::vector<LibraryFailure> told;
};

}  // namespace troupe::policies
