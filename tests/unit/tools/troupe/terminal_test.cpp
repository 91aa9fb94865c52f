// Progress, input lines, stop signals and the service manager: what the command says to and hears from outside.
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <gmock/gmock.h>

#include "tools/troupe/line_reader.hpp"
#include "tools/troupe/progress.hpp"
#include "tools/troupe/service_manager.hpp"
#include "tools/troupe/stop_signals.hpp"

namespace troupe {
namespace {

using ::testing::StartsWith;

TEST(Progress, IsALineAQuarterWhereThereIsNoTerminal) {
  Progress progress(false);
  EXPECT_EQ(progress.render("weights", 0.0), "troupe: loading weights: 0 %\n");
  EXPECT_EQ(progress.render("weights", 0.2), "");
  EXPECT_EQ(progress.render("weights", 0.26), "troupe: loading weights: 25 %\n");
  EXPECT_EQ(progress.render("weights", 1.0), "troupe: loading weights: 100 %\n");
}

TEST(Progress, RedrawsABarInItsLineOnATerminal) {
  Progress progress(true);
  EXPECT_EQ(progress.render("weights", 0.5), "\r  weights     [###############               ] 50 %");
  EXPECT_EQ(progress.render("weights", 0.501), "");
  EXPECT_THAT(progress.render("tokenizer", 0.0), StartsWith("\n\r  tokenizer"));
}

TEST(Progress, TakesADoneOutsideItsRange) {
  Progress progress(true);
  EXPECT_THAT(progress.render("weights", 7.0), testing::HasSubstr("] 100 %"));
  EXPECT_THAT(progress.render("weights", -1.0), testing::HasSubstr("] 0 %"));
}

/// A pipe whose write end is closed once the text is in it.
int readable(const std::string& text) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  EXPECT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(ends[1]);
  return ends[0];
}

TEST(LineReader, GivesLinesWithoutTheirEndsAndALastOneThatHasNone) {
  LineReader reader(readable("one\n\nthree"));
  std::string line;
  EXPECT_EQ(reader.next(line), LineReader::Outcome::kLine);
  EXPECT_EQ(line, "one");
  EXPECT_EQ(reader.next(line), LineReader::Outcome::kLine);
  EXPECT_EQ(line, "");
  EXPECT_EQ(reader.next(line), LineReader::Outcome::kLine);
  EXPECT_EQ(line, "three");
  EXPECT_EQ(reader.next(line), LineReader::Outcome::kEnd);
}

TEST(LineReader, PassesOverALineThatIsTooLongAndGoesOn) {
  LineReader reader(readable(std::string(10'000, 'x') + "\nshort\n"), 100);
  std::string line;
  EXPECT_EQ(reader.next(line), LineReader::Outcome::kTooLong);
  EXPECT_EQ(reader.next(line), LineReader::Outcome::kLine);
  EXPECT_EQ(line, "short");
}

TEST(LineReader, GivesTheRestAsItIs) {
  LineReader reader(readable("a\nb\n"));
  std::string text;
  EXPECT_EQ(reader.rest(text), LineReader::Outcome::kLine);
  EXPECT_EQ(text, "a\nb\n");
  EXPECT_EQ(LineReader(readable(std::string(5000, 'x')), 100).rest(text), LineReader::Outcome::kTooLong);
}

TEST(StopSignals, ASignalEndsTheWaitAndIsForgottenWhenCleared) {
  handle_stop_signals(OnSignal::kStop);
  EXPECT_FALSE(stop_requested());
  ::raise(SIGTERM);
  wait_for_stop();
  EXPECT_TRUE(stop_requested());
  clear_stop_request();
  EXPECT_FALSE(stop_requested());
}

TEST(StopSignals, ASecondInterruptEndsTheProcessAtOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        handle_stop_signals(OnSignal::kStop);
        ::raise(SIGTERM);
        ::raise(SIGTERM);
        ::raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), testing::A<const std::string&>());
}

TEST(StopSignals, WhileLoadingOneSignalEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        handle_stop_signals(OnSignal::kEnd);
        ::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), testing::A<const std::string&>());
}

TEST(StopSignals, InAChatInterruptsAreCountedHoweverMany) {
  handle_stop_signals(OnSignal::kInterrupt);
  ::raise(SIGINT);
  ::raise(SIGINT);
  EXPECT_TRUE(stop_requested());
}

TEST(ServiceManager, GetsTheStateAsOneDatagramOnAnAbstractSocket) {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const std::string name = "@troupe-test-" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  EXPECT_TRUE(notify_service_manager("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
  char text[64];
  const ssize_t got = ::recv(fd, text, sizeof text, 0);
  ::close(fd);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(got)), "READY=1");
}

TEST(ServiceManager, IsPassedOverWhereThereIsNoneOrItsNameIsNonsense) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_FALSE(notify_service_manager("READY=1"));
  for (const std::string& name :
       {std::string("relative"), std::string("/nowhere/to/be/found"), "/" + std::string(500, 'x')}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    EXPECT_FALSE(notify_service_manager("READY=1")) << name;
  }
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace troupe
