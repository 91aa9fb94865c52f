// A self-signed certificate for localhost and 127.0.0.1, made anew for each test and removed with it.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

namespace troupe::http::test {

class Certificate {
 public:
  Certificate() {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    auto* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1,
                               0);
    X509_set_issuer_name(certificate.get(), name);
    auto* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(certificate.get(), names, -1);
    X509_EXTENSION_free(names);
    EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
    write(certificate_file(), [&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); });
    write(key_file(),
          [&](BIO* out) { return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    char password[] = "secret";
    write(encrypted_key_file(), [&](BIO* out) {
      return PEM_write_bio_PrivateKey(out, key.get(), EVP_aes_128_cbc(), reinterpret_cast<unsigned char*>(password), 6,
                                      nullptr, nullptr);
    });
  }
  ~Certificate() {
    for (const auto& file : {certificate_file(), key_file(), encrypted_key_file()}) ::unlink(file.c_str());
    ::rmdir(folder_.c_str());
  }

  std::string certificate_file() const { return folder_ + "/cert.pem"; }
  std::string key_file() const { return folder_ + "/key.pem"; }
  std::string encrypted_key_file() const { return folder_ + "/encrypted.pem"; }

 private:
  template <class Put>
  static void write(const std::string& path, Put put) {
    BIO* out = BIO_new_file(path.c_str(), "w");
    EXPECT_EQ(put(out), 1);
    BIO_free(out);
    ::chmod(path.c_str(), 0600);
  }

  std::string folder_ = testing::TempDir() + "troupe_tls_XXXXXX";
};

}  // namespace troupe::http::test
