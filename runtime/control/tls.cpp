#include "runtime/control/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace troupe::control {
namespace {

constexpr const char* kMakeThem = "`troupe certs` makes a cluster's certificates.";
constexpr int kMostPending = 1 << 20;

std::string openssl_reason() {
  const unsigned long error = ::ERR_peek_last_error();
  ::ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ::ERR_reason_error_string(error);
  return reason ? reason : "no reason given";
}

Error unusable(const std::string& file, const std::string& what) { return {ErrorCode::kConfig, file + ": " + what}; }

// --- a BIO over a socket that raises no SIGPIPE; OpenSSL's own writes with write() ---

int fd_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(::BIO_get_data(bio))); }

int retry_or_end(BIO* bio, const Moved& moved, int flag) {
  ::BIO_clear_retry_flags(bio);
  if (moved.state == Moved::State::kSome) return static_cast<int>(moved.bytes);
  if (moved.state == Moved::State::kEnded) return 0;
  ::BIO_set_flags(bio, flag | BIO_FLAGS_SHOULD_RETRY);
  return -1;
}

int write_socket(BIO* bio, const char* bytes, int size) {
  return retry_or_end(bio, transmit(fd_of(bio), {bytes, static_cast<std::size_t>(std::max(size, 0))}), BIO_FLAGS_WRITE);
}

int read_socket(BIO* bio, char* into, int size) {
  return retry_or_end(bio, receive(fd_of(bio), {into, static_cast<std::size_t>(std::max(size, 0))}), BIO_FLAGS_READ);
}

long control_socket(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "control connection");
    CHECK(made != nullptr);
    ::BIO_meth_set_write(made, write_socket);
    ::BIO_meth_set_read(made, read_socket);
    ::BIO_meth_set_ctrl(made, control_socket);
    return made;
  }();
  return method;
}

std::optional<Error> check_key_file(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0)
    return unusable(file, std::string("the TLS key file cannot be found. ") + kMakeThem);
  if ((status.st_mode & 0007) != 0)
    return unusable(file, "others may use this TLS key file; run `chmod o= " + file + "`.");
  return std::nullopt;
}

std::optional<Error> check_there(const std::string& file, const std::string& what) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0) return std::nullopt;
  return unusable(file, what + " cannot be found. " + kMakeThem);
}

/// A certificate that is no use to any peer is better refused when the node starts.
std::optional<Error> check_own(SSL_CTX* context, const std::string& file) {
  X509* own = ::SSL_CTX_get0_certificate(context);
  if (::X509_cmp_current_time(::X509_get0_notAfter(own)) < 0) {
    return unusable(file, "this certificate has expired. Remove it and its key, and run `troupe certs` again.");
  }
  std::unique_ptr<X509_STORE_CTX, decltype(&::X509_STORE_CTX_free)> check(::X509_STORE_CTX_new(),
                                                                          &::X509_STORE_CTX_free);
  if (!check || ::X509_STORE_CTX_init(check.get(), ::SSL_CTX_get_cert_store(context), own, nullptr) != 1)
    return unusable(file, "cannot be checked: " + openssl_reason() + '.');
  if (::X509_verify_cert(check.get()) == 1) return std::nullopt;
  const std::string why = ::X509_verify_cert_error_string(::X509_STORE_CTX_get_error(check.get()));
  ::ERR_clear_error();
  return unusable(file, "is no certificate of the cluster's CA (" + why +
                            "). All nodes need certificates that one run of `troupe certs` directory made.");
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { ::SSL_CTX_free(context); }
void TlsSession::Free::operator()(ssl_st* session) const { ::SSL_free(session); }

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files, std::vector<std::string> nodes) {
  if (auto error = check_there(files.ca, "the cluster's CA certificate")) return *std::move(error);
  if (auto error = check_there(files.certificate, "this node's certificate")) return *std::move(error);
  if (auto error = check_key_file(files.key)) return *std::move(error);
  auto made = std::make_shared<TlsContext>();
  made->context_.reset(::SSL_CTX_new(::TLS_method()));
  SSL_CTX* context = made->context_.get();
  CHECK(context != nullptr, openssl_reason());
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // Without this OpenSSL would ask for an encrypted key's password on the terminal.
  ::SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  ::ERR_clear_error();
  if (::SSL_CTX_load_verify_file(context, files.ca.c_str()) != 1)
    return unusable(files.ca, "not a usable PEM file of certificate authorities: " + openssl_reason() + '.');
  if (::SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return unusable(files.certificate, "not a usable PEM certificate: " + openssl_reason() + '.');
  if (::SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return unusable(files.key, "not the PEM private key of " + files.certificate + ": " + openssl_reason() + '.');
  if (auto error = check_own(context, files.certificate)) return *std::move(error);
  made->nodes_ = std::move(nodes);
  return std::shared_ptr<const TlsContext>(std::move(made));
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, int fd, Side side, std::string node)
    : context_(std::move(context)), session_(::SSL_new(context_->native())), side_(side), node_(std::move(node)) {
  CHECK(session_ != nullptr, openssl_reason());
  BIO* bio = ::BIO_new(socket_method());
  CHECK(bio != nullptr, openssl_reason());
  ::BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  ::BIO_set_init(bio, 1);
  ::SSL_set_bio(session_.get(), bio, bio);
  // Names of nodes stand in certificates as host names do. A listener takes any node of the cluster.
  ::SSL_set_hostflags(session_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (side_ == Side::kDialler) {
    CHECK(::SSL_set1_host(session_.get(), node_.c_str()) == 1, node_);
    ::SSL_set_connect_state(session_.get());
  } else {
    for (const std::string& name : context_->nodes()) CHECK(::SSL_add1_host(session_.get(), name.c_str()) == 1, name);
    ::SSL_set_accept_state(session_.get());
  }
}

Result<TlsSession::Wants> TlsSession::shake_hands() {
  ::ERR_clear_error();
  const int result = ::SSL_do_handshake(session_.get());
  if (result == 1) return Wants::kNothing;
  switch (::SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Wants::kRead;
    case SSL_ERROR_WANT_WRITE:
      return Wants::kWrite;
    default:
      return Error{ErrorCode::kUnavailable, why_failed()};
  }
}

std::string TlsSession::why_failed() const {
  const long verified = ::SSL_get_verify_result(session_.get());
  const unsigned long error = ::ERR_peek_last_error();
  const int reason = ERR_GET_REASON(error);
  const std::string what = openssl_reason();
  if (error != 0 && ERR_GET_LIB(error) == ERR_LIB_SSL) {
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verified == X509_V_ERR_HOSTNAME_MISMATCH) {
      return side_ == Side::kDialler
                 ? "its certificate is not that of node \"" + node_ +
                       "\". Check the address in the configuration, and "
                       "which certificate that node was given."
                 : std::string(
                       "its certificate is of none of this cluster's nodes. Start all nodes with the same "
                       "configuration, and with certificates that `troupe certs` made for it.");
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      return std::string("its certificate is refused: ") + ::X509_verify_cert_error_string(verified) +
             (verified == X509_V_ERR_CERT_HAS_EXPIRED
                  ? ". Remove that node's certificate and key, and make new ones with `troupe certs`."
                  : ". Give that node a certificate of this cluster's CA, with `troupe certs`.");
    }
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
      return "it showed no certificate. Only nodes of the cluster may connect; `troupe certs` makes their "
             "certificates.";
    if (reason > SSL_AD_REASON_OFFSET) {
      return "it refused this node (" + what +
             "). Its log says why; certificates of both must come from one CA and must not have expired.";
    }
  }
  if (error == 0) return "it closed the connection during the TLS handshake. Its log may say why.";
  return "no TLS handshake (" + what + "). Does it run with `tls`, as this node does?";
}

Moved TlsSession::moved(int result) {
  if (result > 0) return {Moved::State::kSome, static_cast<std::size_t>(result)};
  const int error = ::SSL_get_error(session_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {Moved::State::kNone, 0};
  if (error == SSL_ERROR_SSL && ERR_GET_REASON(::ERR_peek_last_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
    broken_ = why_failed();
  ::ERR_clear_error();
  return {Moved::State::kEnded, 0};
}

Moved TlsSession::receive(std::span<char> into) {
  ::ERR_clear_error();
  return moved(
      ::SSL_read(session_.get(), into.data(), static_cast<int>(std::min<std::size_t>(into.size(), kMostPending))));
}

Moved TlsSession::transmit(std::span<const char> bytes) {
  ::ERR_clear_error();
  return moved(
      ::SSL_write(session_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), kMostPending))));
}

std::size_t TlsSession::buffered() const {
  return static_cast<std::size_t>(std::max(::SSL_pending(session_.get()), 0));
}

}  // namespace troupe::control
