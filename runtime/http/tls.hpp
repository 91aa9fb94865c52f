// TLS contexts. Internal to runtime/http.
#pragma once

// Boost 1.74's asio leaves it out with C++20 coroutines.
#include <utility>

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "runtime/base/result.hpp"
#include "runtime/http/server.hpp"

namespace troupe::http {

/// TLS 1.2 or later, no renegotiation, no compression. kConfig naming the file that cannot be used; the key file must
/// not be readable by others.
Result<std::unique_ptr<boost::asio::ssl::context>> make_server_tls(const TlsConfig& config);

/// Verifies the peer against `ca_file` (PEM), or the system's store where it is empty; not at all where `verify` is
/// false.
Result<std::unique_ptr<boost::asio::ssl::context>> make_client_tls(const std::string& ca_file, bool verify);

}  // namespace troupe::http
