#include "runtime/control/certificates.hpp"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "runtime/base/file.hpp"

namespace troupe::control {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostPemBytes = 1 << 20;
/// Clocks of hosts differ.
constexpr std::chrono::seconds kBefore{3600};

struct Free {
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { ::X509_free(certificate); }
  void operator()(BIO* bio) const { ::BIO_free(bio); }
  void operator()(BIGNUM* number) const { ::BN_free(number); }
  void operator()(X509_EXTENSION* extension) const { ::X509_EXTENSION_free(extension); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Bio = std::unique_ptr<BIO, Free>;

struct Pair {
  Key key;
  Certificate certificate;
};

Error internal(const char* what) {
  const char* reason = ::ERR_reason_error_string(::ERR_peek_last_error());
  ::ERR_clear_error();
  return {ErrorCode::kInternal, std::string("OpenSSL: ") + what + (reason ? std::string(": ") + reason : "") + "."};
}

bool add_extension(X509* to, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && ::X509_add_ext(to, extension.get(), -1) == 1;
}

bool set_serial(X509* to) {
  const std::unique_ptr<BIGNUM, Free> number(::BN_new());
  return number && ::BN_rand(number.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(to)) != nullptr;
}

/// The serial tells CAs of one name apart, for people who look at them.
bool set_subject(X509* to, const std::string& name) {
  X509_NAME* subject = ::X509_get_subject_name(to);
  const auto add = [&](const char* field, const std::string& text) {
    return ::X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                        reinterpret_cast<const unsigned char*>(text.data()),
                                        static_cast<int>(text.size()), -1, 0) == 1;
  };
  return add("O", "Troupe") && add("CN", name);
}

/// `issuer`: none for a CA, which signs itself.
Result<Pair> make_pair(const std::string& name, std::chrono::seconds life, const Pair* issuer) {
  Pair made{Key(EVP_EC_gen("P-256")), Certificate(::X509_new())};
  if (!made.key || !made.certificate) return internal("no key could be made");
  X509* certificate = made.certificate.get();
  X509* by = issuer ? issuer->certificate.get() : certificate;
  bool good = ::X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
              set_subject(certificate, issuer ? name : "cluster CA") &&
              ::X509_set_issuer_name(certificate, ::X509_get_subject_name(by)) == 1 &&
              ::X509_gmtime_adj(::X509_getm_notBefore(certificate), static_cast<long>(-kBefore.count())) != nullptr &&
              ::X509_gmtime_adj(::X509_getm_notAfter(certificate), static_cast<long>(life.count())) != nullptr &&
              ::X509_set_pubkey(certificate, made.key.get()) == 1;
  if (issuer) {
    // Nothing holds longer than the CA.
    const ASN1_TIME* last = ::X509_get0_notAfter(by);
    if (good && ::ASN1_TIME_compare(::X509_get0_notAfter(certificate), last) > 0)
      good = ::X509_set1_notAfter(certificate, last) == 1;
    good = good && add_extension(certificate, by, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, by, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, by, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_extension(certificate, by, NID_subject_alt_name, "DNS:" + name);
  } else {
    good = good && add_extension(certificate, by, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, by, NID_key_usage, "critical,keyCertSign,cRLSign");
  }
  good = good && add_extension(certificate, by, NID_subject_key_identifier, "hash") &&
         add_extension(certificate, by, NID_authority_key_identifier, "keyid:always") &&
         ::X509_sign(certificate, issuer ? issuer->key.get() : made.key.get(), ::EVP_sha256()) > 0;
  if (!good) return internal("no certificate could be made");
  return made;
}

/// A new file of that mode with what `write` puts into it.
template <class Write>
Result<void> write_file(const fs::path& path, mode_t mode, Write&& write) {
  const Bio memory(::BIO_new(::BIO_s_mem()));
  if (!memory || write(memory.get()) != 1) return internal("no PEM could be written");
  char* text = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(memory.get(), &text));
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const bool written =
      fd >= 0 && ::fchmod(fd, mode) == 0 && ::write(fd, text, size) == static_cast<ssize_t>(size) && ::fsync(fd) == 0;
  const int why = errno;
  ::OPENSSL_cleanse(text, size);
  if (fd >= 0) ::close(fd);
  if (written) return {};
  if (fd >= 0) ::unlink(path.c_str());
  return Error{ErrorCode::kUnavailable, path.string() + ": cannot be written: " + std::strerror(why) + "."};
}

/// The certificate last: a pair is there when it is.
Result<void> write_pair(const Pair& pair, const fs::path& certificate, const fs::path& key) {
  TRY_VOID(write_file(key, 0600, [&](BIO* out) {
    return ::PEM_write_bio_PKCS8PrivateKey(out, pair.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }));
  auto written =
      write_file(certificate, 0644, [&](BIO* out) { return ::PEM_write_bio_X509(out, pair.certificate.get()); });
  if (!written.ok()) ::unlink(key.c_str());
  return written;
}

enum class There { kNone, kBoth };

Result<There> both_or_none(const fs::path& certificate, const fs::path& key) {
  const auto there = [](const fs::path& file) {
    struct stat status {};
    return ::lstat(file.c_str(), &status) == 0;
  };
  if (there(certificate) == there(key)) return there(key) ? There::kBoth : There::kNone;
  const fs::path& one = there(key) ? key : certificate;
  const fs::path& missing = there(key) ? certificate : key;
  return Error{ErrorCode::kConfig, one.string() + " is there and " + missing.string() +
                                       ", which goes with it, is not. Put it back, or remove the one that is there."};
}

Result<Pair> read_ca(const fs::path& certificate, const fs::path& key) {
  TRY(certificate_text, read_file(certificate.string(), kMostPemBytes));
  TRY(key_text, read_file(key.string(), kMostPemBytes));
  const auto bio = [](const std::string& text) {
    return Bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  };
  const auto no_password = [](char*, int, int, void*) { return 0; };
  Pair ca{Key(::PEM_read_bio_PrivateKey(bio(key_text).get(), nullptr, no_password, nullptr)),
          Certificate(::PEM_read_bio_X509(bio(certificate_text).get(), nullptr, no_password, nullptr))};
  ::OPENSSL_cleanse(key_text.data(), key_text.size());
  ::ERR_clear_error();
  const auto unusable = [&](const std::string& what) {
    return Error{ErrorCode::kConfig,
                 certificate.string() + " with " + key.string() + ": " + what +
                     " To begin anew, choose another directory, and give every node its new files."};
  };
  if (!ca.key || !ca.certificate) return unusable("not a PEM certificate with its unencrypted key.");
  if (::X509_check_private_key(ca.certificate.get(), ca.key.get()) != 1) return unusable("they do not fit together.");
  if (::X509_check_ca(ca.certificate.get()) != 1) return unusable("it is no certificate authority.");
  if (::X509_cmp_current_time(::X509_get0_notAfter(ca.certificate.get())) < 0) return unusable("this CA has expired.");
  return ca;
}

Result<void> make_directory(const std::string& directory) {
  std::error_code failed;
  const bool made = fs::create_directories(directory, failed);
  if (failed || !fs::is_directory(directory, failed)) {
    return Error{ErrorCode::kUnavailable,
                 directory + ": cannot be made" + (failed ? ": " + failed.message() : "") + "."};
  }
  if (made) fs::permissions(directory, fs::perms::owner_all, failed);
  return {};
}

}  // namespace

Result<MadeCertificates> make_certificates(const std::string& directory, const std::vector<std::string>& nodes,
                                           const CertificateLives& lives) {
  for (const std::string& node : nodes) {
    if (node == "ca")
      return Error{ErrorCode::kConfig, "A node named \"ca\" would have the files of the CA. Give it another name."};
  }
  TRY_VOID(make_directory(directory));
  const fs::path folder(directory);
  MadeCertificates result;
  TRY(there, both_or_none(folder / "ca.pem", folder / "ca.key"));
  std::optional<Pair> ca;
  if (there == There::kBoth) {
    TRY(read, read_ca(folder / "ca.pem", folder / "ca.key"));
    ca = std::move(read);
  } else {
    TRY(made, make_pair("", lives.ca, nullptr));
    TRY_VOID(write_pair(made, folder / "ca.pem", folder / "ca.key"));
    ca = std::move(made);
    result.ca = true;
  }
  for (const std::string& node : nodes) {
    const fs::path certificate = folder / (node + ".pem");
    const fs::path key = folder / (node + ".key");
    TRY(has, both_or_none(certificate, key));
    if (has == There::kBoth) {
      result.kept.push_back(node);
      continue;
    }
    TRY(made, make_pair(node, lives.node, &*ca));
    TRY_VOID(write_pair(made, certificate, key));
    result.made.push_back(node);
  }
  return result;
}

}  // namespace troupe::control
