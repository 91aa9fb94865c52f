// Works that wait for the cores of one host.
#include "tools/simulate/cluster/host_cores.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "runtime/exec/system.hpp"

namespace troupe::simulate {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

struct Host {
  explicit Host(std::int32_t count, double speed_when_full = 1)
      : cores(std::make_shared<HostCores>(
            count, exec::run_after(later), [this] { return now(); }, speed_when_full)) {}

  std::chrono::nanoseconds now() { return system.now() - began; }
  void run(const std::string& name, std::chrono::nanoseconds time) {
    cores->run(time, [this, name] { ended.emplace_back(name, now()); });
  }

  exec::VirtualSystem system;
  exec::LaterActor later = system.spawn<exec::Later>();
  std::chrono::steady_clock::time_point began = system.now();
  std::vector<std::pair<std::string, std::chrono::nanoseconds>> ended;
  std::shared_ptr<HostCores> cores;
};

TEST(HostCores, WorksWithACoreEachDoNotDisturbEachOther) {
  Host host(2);
  host.run("long", 10ms);
  host.run("short", 4ms);
  host.system.run();
  EXPECT_THAT(host.ended, ElementsAre(Pair("short", 4ms), Pair("long", 10ms)));
}

TEST(HostCores, WorkThatComesTakesTheCoreThatWasHeldForLongest) {
  Host host(2);
  host.run("first", 3ms);
  host.system.pass(1ms);
  host.run("second", 3ms);
  host.system.pass(1ms);
  host.run("third", 1ms);
  host.system.run();
  EXPECT_THAT(host.ended, ElementsAre(Pair("third", 3ms), Pair("second", 4ms), Pair("first", 4ms)));
}

TEST(HostCores, LongWorksTakeTurnsOfASlice) {
  Host host(1);
  host.run("first", 10ms);
  host.run("second", 6ms);
  host.system.run();
  // 4 ms of the second, 4 of the first, 2 of the second; then what the first has left.
  EXPECT_THAT(host.ended, ElementsAre(Pair("second", 10ms), Pair("first", 16ms)));
}

TEST(HostCores, WhoLostItsCoreGoesOnWhereItWas) {
  Host host(1);
  host.run("long", 10ms);
  host.system.pass(5ms);
  host.run("short", 1ms);
  host.system.run();
  EXPECT_THAT(host.ended, ElementsAre(Pair("short", 6ms), Pair("long", 11ms)));
}

TEST(HostCores, WhoseTimeIsUpLosesNothingToWhatComesAtThatMoment) {
  Host host(1);
  // The arrival is due at the same time as the end, and was asked for before.
  exec::run_after(host.later)(3ms, [&] { host.run("next", 2ms); });
  host.run("first", 3ms);
  host.system.run();
  EXPECT_THAT(host.ended, ElementsAre(Pair("first", 3ms), Pair("next", 5ms)));
}

TEST(HostCores, WorkThatIsAskedForAtAnotherOnesEndBeginsThere) {
  Host host(1);
  host.cores->run(3ms, [&] { host.run("next", 2ms); });
  host.run("other", 1ms);
  host.system.run();
  EXPECT_THAT(host.ended, ElementsAre(Pair("other", 1ms), Pair("next", 6ms)));
}

TEST(HostCores, NoTimeIsHadAtOnce) {
  Host host(1);
  host.run("long", 3ms);
  host.run("nothing", 0ns);
  host.system.run();
  EXPECT_THAT(host.ended, ElementsAre(Pair("nothing", 0ns), Pair("long", 3ms)));
}

TEST(HostCores, CoresAreSlowerWhileAllOfThemWork) {
  Host host(2, 0.5);
  host.run("long", 10ms);
  host.system.pass(3ms);
  host.run("short", 2ms);
  host.system.run();
  // Both need 4 ms for the 2 ms that the short one has to do; then 5 are left of the long one.
  EXPECT_THAT(host.ended, ElementsAre(Pair("short", 7ms), Pair("long", 12ms)));
}

TEST(HostCores, SpeedFallsWithEachCoreThatWorks) {
  Host host(3, 0.6);
  host.run("a", 16ms);
  host.run("b", 16ms);
  host.system.run();
  EXPECT_THAT(host.ended, ElementsAre(Pair("a", 20ms), Pair("b", 20ms)));
}

TEST(HostCores, SlicesAreAsLongOnSlowCores) {
  Host host(2, 0.5);
  host.run("a", 2ms);
  host.run("b", 4ms);
  host.run("c", 4ms);
  host.system.run();
  // The third takes the core of the first, which gets one after 4 ms, when the others are through half of their work.
  EXPECT_THAT(host.ended, ElementsAre(Pair("a", 8ms), Pair("b", 8ms), Pair("c", 10ms)));
}

}  // namespace
}  // namespace troupe::simulate
