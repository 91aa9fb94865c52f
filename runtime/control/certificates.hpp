// A cluster's own certificate authority and its nodes' certificates, as PEM files in one directory: ca.pem, ca.key,
// NAME.pem, NAME.key. Keys are EC P-256 and readable by their owner alone. Nothing that is there is ever overwritten.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::control {

/// How long certificates hold, from now.
struct CertificateLives {
  std::chrono::seconds ca = std::chrono::hours(24 * 3650);
  std::chrono::seconds node = std::chrono::hours(24 * 1825);
};

struct MadeCertificates {
  bool ca = false;                ///< whether the CA is new
  std::vector<std::string> made;  ///< names of nodes
  std::vector<std::string> kept;  ///< those that had theirs already
};

/// Makes what is missing: the directory, the CA, and each node's certificate, which bears the node's name. `nodes` are
/// names as a configuration has them. kConfig for a directory that has one of two files that go together, for a CA that
/// is unusable or has expired; kUnavailable where a file cannot be written.
Result<MadeCertificates> make_certificates(const std::string& directory, const std::vector<std::string>& nodes,
                                           const CertificateLives& lives = {});

}  // namespace troupe::control
