#include "runtime/http/tls.hpp"

#include <sys/stat.h>

#include <optional>

namespace troupe::http {
namespace {

namespace ssl = boost::asio::ssl;

std::optional<Error> unusable(const std::string& file, const char* what, const boost::system::error_code& why) {
  if (!why) return std::nullopt;
  return Error{ErrorCode::kConfig, file + ": " + what + ": " + why.message() + "."};
}

}  // namespace

Result<std::unique_ptr<ssl::context>> make_server_tls(const TlsConfig& config) {
  struct stat status {};
  if (::stat(config.key_file.c_str(), &status) != 0)
    return Error{ErrorCode::kConfig, config.key_file + ": the TLS key file cannot be found."};
  if ((status.st_mode & 0007) != 0)
    return Error{ErrorCode::kConfig,
                 config.key_file + ": others may use this TLS key file; run `chmod o= " + config.key_file + "`."};
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context->native_handle(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  boost::system::error_code failed;
  // Without this OpenSSL would ask for an encrypted key's password on the terminal.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); }, failed);
  context->use_certificate_chain_file(config.certificate_file, failed);
  if (auto error = unusable(config.certificate_file, "not a usable PEM certificate chain", failed))
    return *std::move(error);
  context->use_private_key_file(config.key_file, ssl::context::pem, failed);
  if (auto error = unusable(config.key_file, "not the certificate's PEM private key", failed)) return *std::move(error);
  return context;
}

Result<std::unique_ptr<ssl::context>> make_client_tls(const std::string& ca_file, bool verify) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  boost::system::error_code failed;
  if (!verify) {
    context->set_verify_mode(ssl::verify_none, failed);
  } else {
    context->set_verify_mode(ssl::verify_peer, failed);
    if (ca_file.empty()) {
      context->set_default_verify_paths(failed);
      if (auto error = unusable("system", "no usable store of certificate authorities", failed))
        return *std::move(error);
    } else {
      context->load_verify_file(ca_file, failed);
      if (auto error = unusable(ca_file, "not a usable PEM file of certificate authorities", failed))
        return *std::move(error);
    }
  }
  return context;
}

}  // namespace troupe::http
