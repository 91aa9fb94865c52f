// The server over TLS, with a certificate made here.
#include <gmock/gmock.h>

#include "runtime/http/client.hpp"
#include "tests/unit/runtime/http/certificate.hpp"
#include "tests/unit/runtime/http/harness.hpp"

namespace troupe::http::test {
namespace {

using testing::HasSubstr;

ServerConfig tls_config(const Certificate& certificate) {
  auto config = test_config();
  config.tls = TlsConfig{certificate.certificate_file(), certificate.key_file()};
  return config;
}

ClientRequest get(const Served& served, const std::string& path, const std::string& host = "127.0.0.1") {
  ClientRequest request;
  request.url = "https://" + host + ":" + std::to_string(served.port()) + path;
  return request;
}

ClientConfig trusting(const Certificate& certificate) {
  ClientConfig config;
  config.ca_file = certificate.certificate_file();
  return config;
}

std::string start_error(ServerConfig config) {
  auto started = Server::start(std::move(config), [](std::shared_ptr<Exchange>) {});
  return started.ok() ? "it started" : started.error().message;
}

TEST(Tls, ServesAClientThatTrustsTheCertificate) {
  const Certificate certificate;
  Served served(tls_config(certificate));
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto response = fetch(get(served, "/v1/models/m", host), trusting(certificate));
    ASSERT_TRUE(response.ok()) << response.error().message;
    EXPECT_EQ(response->body, "GET /v1/models/m|m||");
  }
}

TEST(Tls, CarriesABodyLargerThanARecordBothWays) {
  const Certificate certificate;
  auto config = tls_config(certificate);
  Served served(std::move(config));
  auto request = get(served, "/v1/echo");
  request.method = "POST";
  request.headers = {{"content-type", "application/json"}};
  request.body = std::string(900'000, 'y');
  const auto response = fetch(request, trusting(certificate));
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_TRUE(response->body == "POST /v1/echo|||" + request.body);
}

TEST(Tls, IsRefusedByAClientThatDoesNotKnowTheCertificate) {
  const Certificate certificate;
  const Certificate other;
  Served served(tls_config(certificate));
  const auto response = fetch(get(served, "/livez"), trusting(other));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr("TLS"));
}

TEST(Tls, GivesNoPlainAnswers) {
  const Certificate certificate;
  Served served(tls_config(certificate));
  RawClient client(served.port());
  client.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_to_end().find("HTTP/1.1"), std::string::npos);
}

TEST(Tls, EndsAHandshakeThatDribbles) {
  const Certificate certificate;
  auto config = tls_config(certificate);
  config.limits.head_timeout = std::chrono::milliseconds(40);
  Served served(std::move(config));
  RawClient client(served.port());
  client.send("\x16\x03\x01");
  client.read_to_end();
  EXPECT_TRUE(client.ended());
}

TEST(Tls, RefusesAKeyFileThatOthersMayRead) {
  const Certificate certificate;
  ::chmod(certificate.key_file().c_str(), 0644);
  EXPECT_THAT(start_error(tls_config(certificate)), HasSubstr("chmod o="));
}

TEST(Tls, NamesTheFileThatCannotBeUsed) {
  const Certificate certificate, other;
  auto missing = tls_config(certificate);
  missing.tls->certificate_file = "/nowhere.pem";
  EXPECT_THAT(start_error(missing), HasSubstr("/nowhere.pem"));
  auto mismatched = tls_config(certificate);
  mismatched.tls->key_file = other.key_file();
  EXPECT_THAT(start_error(mismatched), HasSubstr(other.key_file()));
  auto locked = tls_config(certificate);
  locked.tls->key_file = certificate.encrypted_key_file();
  EXPECT_THAT(start_error(locked), HasSubstr(certificate.encrypted_key_file())) << "without asking for a password";
}

}  // namespace
}  // namespace troupe::http::test
