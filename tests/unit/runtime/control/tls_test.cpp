// Nodes with TLS, by the gate: who comes through, who does not, and what both sides are told.
#include "runtime/control/tls.hpp"

#include <openssl/ssl.h>
#include <sys/stat.h>

#include <gmock/gmock.h>

#include "runtime/control/certificates.hpp"
#include "runtime/control/gate.hpp"
#include "tests/unit/runtime/control/folder.hpp"
#include "tests/unit/runtime/control/inbox.hpp"
#include "tests/unit/runtime/control/stranger.hpp"

namespace troupe::control {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Context = std::shared_ptr<const TlsContext>;

TlsFiles files_of(const Folder& folder, const std::string& node) {
  return {folder / "ca.pem", folder / (node + ".pem"), folder / (node + ".key")};
}

class TlsGate : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_certificates(folder.path(), {"front", "token0"}).ok());
    ASSERT_TRUE(make_certificates(strange.path(), {"front", "token0"}).ok());
  }

  static Context context(const Folder& from, const std::string& node) {
    return TlsContext::load(files_of(from, node), {"front", "token0"}).value();
  }

  GateOptions options(Context tls, std::chrono::milliseconds patience = std::chrono::minutes(5)) {
    return {std::move(tls), patience, 64,
            std::make_shared<Refusals>([this](const Refusal& refusal) { refused.put(refusal); })};
  }

  std::uint16_t open(Gate& gate) {
    auto listener = listen_on({"127.0.0.1", 0});
    const std::uint16_t port = port_of(listener->fd());
    gate.listen(std::move(*listener), [this](Connection connection) { admitted.put(std::move(connection)); });
    return port;
  }

  /// What a dialler with that context is told of "front"; empty where it comes through.
  std::string dial(Context tls, std::uint16_t port, const std::string& node = "front") {
    GateOptions quiet = options(std::move(tls));
    quiet.refusals = nullptr;
    Gate dialler(std::move(quiet));
    Inbox<Result<Connection>> dialled;
    dialler.dial({"127.0.0.1", port}, node, [&](Result<Connection> result) { dialled.put(std::move(result)); });
    const auto result = dialled.take();
    if (!result) return "(no answer)";
    return result->ok() ? "" : result->error().message;
  }

  /// What the listener's log says next.
  std::string told() {
    const auto refusal = refused.take();
    return refusal ? refusal->why : "(nothing)";
  }

  Folder folder;
  Folder strange;  ///< of another CA
  Inbox<Refusal> refused;
  Inbox<Connection> admitted;
};

TEST_F(TlsGate, LetsNodesOfOneCaThrough) {
  Gate gate(options(context(folder, "front")));
  EXPECT_EQ(dial(context(folder, "token0"), open(gate)), "");
  EXPECT_TRUE(admitted.take());
}

TEST_F(TlsGate, RefusesTheCertificateOfAnotherCaAndTellsBothSides) {
  Gate gate(options(context(folder, "front")));
  // It trusts this CA and shows a certificate of its own.
  Folder mixed;
  mixed.write("ca.pem", folder.read("ca.pem") + strange.read("ca.pem"));
  mixed.write("token0.pem", strange.read("token0.pem"));
  mixed.write("token0.key", strange.read("token0.key"));
  EXPECT_THAT(dial(context(mixed, "token0"), open(gate)), HasSubstr("it refused this node"));
  EXPECT_THAT(told(), HasSubstr("Give that node a certificate of this cluster's CA, with `troupe certs`"));
}

TEST_F(TlsGate, RefusesAListenerOfAnotherCa) {
  Gate gate(options(context(strange, "front")));
  EXPECT_THAT(dial(context(folder, "token0"), open(gate)), HasSubstr("its certificate is refused"));
  EXPECT_THAT(told(), HasSubstr("it refused this node"));
}

/// A client of OpenSSL's own, which shows what a node of ours would not start with.
void call_with(std::uint16_t port, const TlsFiles& files) {
  const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context(::SSL_CTX_new(::TLS_client_method()),
                                                                    &::SSL_CTX_free);
  if (!files.certificate.empty()) {
    ASSERT_EQ(::SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()), 1);
    ASSERT_EQ(::SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM), 1);
  }
  const Stranger stranger(port);
  const std::unique_ptr<SSL, decltype(&::SSL_free)> session(::SSL_new(context.get()), &::SSL_free);
  ::SSL_set_fd(session.get(), stranger.fd());
  ASSERT_EQ(::SSL_connect(session.get()), 1);
  char byte = 0;
  EXPECT_LE(::SSL_read(session.get(), &byte, 1), 0);
}

TEST_F(TlsGate, RefusesAnExpiredCertificate) {
  Folder old;
  old.write("ca.pem", folder.read("ca.pem"));
  old.write("ca.key", folder.read("ca.key"));
  ASSERT_TRUE(make_certificates(old.path(), {"token0"}, {{}, std::chrono::seconds(-60)}).ok());
  Gate gate(options(context(folder, "front")));
  call_with(open(gate), files_of(old, "token0"));
  EXPECT_THAT(told(), AllOf(HasSubstr("expired"), HasSubstr("make new ones with `troupe certs`")));
  // Who has it is told at its start.
  const auto refusal = TlsContext::load(files_of(old, "token0"), {"front", "token0"});
  ASSERT_FALSE(refusal.ok());
  EXPECT_THAT(refusal.error().message, HasSubstr("this certificate has expired"));
}

TEST_F(TlsGate, RefusesWhoShowsNoCertificate) {
  Gate gate(options(context(folder, "front")));
  call_with(open(gate), {});
  EXPECT_THAT(told(), HasSubstr("it showed no certificate"));
}

TEST_F(TlsGate, RefusesTheCertificateOfAnotherNodeThanTheOneDialled) {
  Gate gate(options(context(folder, "front")));
  EXPECT_THAT(dial(context(folder, "token0"), open(gate), "token0"), HasSubstr("not that of node \"token0\""));
}

TEST_F(TlsGate, RefusesANodeThatTheClusterDoesNotHave) {
  ASSERT_TRUE(make_certificates(folder.path(), {"stranger"}).ok());
  Gate gate(options(context(folder, "front")));
  EXPECT_THAT(dial(context(folder, "stranger"), open(gate)), HasSubstr("it refused this node"));
  EXPECT_THAT(told(), HasSubstr("of none of this cluster's nodes"));
}

TEST_F(TlsGate, RefusesANodeWithoutTls) {
  Gate gate(options(context(folder, "front")));
  EXPECT_THAT(dial(nullptr, open(gate)), HasSubstr("`tls` must be the same on both sides"));
  EXPECT_THAT(told(), HasSubstr("Does it run with `tls`"));
}

TEST_F(TlsGate, TellsANodeWithTlsThatTheOtherHasNone) {
  Gate gate(options(nullptr));
  EXPECT_NE(dial(context(folder, "token0"), open(gate)), "");
  EXPECT_THAT(told(), HasSubstr("no node's greeting"));
}

TEST_F(TlsGate, ClosesTheConnectionOfWhoSpeaksNoise) {
  Gate gate(options(context(folder, "front")));
  const Stranger stranger(open(gate));
  stranger.say(std::string(10'000, '\x16'));
  EXPECT_EQ(stranger.hear_all().find("(still open)"), std::string::npos);
}

TEST_F(TlsGate, ClosesTheConnectionOfWhoShakesHandsByHalf) {
  Gate gate(options(context(folder, "front"), std::chrono::milliseconds(50)));
  const Stranger stranger(open(gate));
  stranger.say(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  EXPECT_EQ(stranger.hear_all(), "");
}

TEST_F(TlsGate, NamesTheCommandWhereFilesAreMissing) {
  for (const char* file : {"ca.pem", "front.pem", "front.key"}) {
    Folder some;
    for (const char* each : {"ca.pem", "front.pem", "front.key"})
      if (std::string(each) != file) some.write(each, folder.read(each));
    ::chmod((some / "front.key").c_str(), 0600);
    const auto refusal = TlsContext::load(files_of(some, "front"), {"front"});
    ASSERT_FALSE(refusal.ok()) << file;
    EXPECT_EQ(refusal.error().code, ErrorCode::kConfig);
    EXPECT_THAT(refusal.error().message, HasSubstr(some / file));
    EXPECT_THAT(refusal.error().message, HasSubstr("`troupe certs`"));
  }
}

TEST_F(TlsGate, RefusesAKeyThatOthersMayRead) {
  ::chmod((folder / "front.key").c_str(), 0644);
  EXPECT_THAT(TlsContext::load(files_of(folder, "front"), {"front"}).error().message, HasSubstr("chmod o="));
}

TEST_F(TlsGate, RefusesFilesThatDoNotFitTogether) {
  const auto with_other_key = TlsContext::load({folder / "ca.pem", folder / "front.pem", folder / "token0.key"}, {});
  EXPECT_THAT(with_other_key.error().message, HasSubstr("not the PEM private key of"));
  const auto with_other_ca = TlsContext::load({strange / "ca.pem", folder / "front.pem", folder / "front.key"}, {});
  EXPECT_THAT(with_other_ca.error().message, HasSubstr("no certificate of the cluster's CA"));
  const auto with_noise =
      TlsContext::load({folder.write("noise", "noise"), folder / "front.pem", folder / "front.key"}, {});
  EXPECT_THAT(with_noise.error().message, HasSubstr("not a usable PEM file"));
}

}  // namespace
}  // namespace troupe::control
