#include "actors/splitwise_sim/timeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <caf/send.hpp>

#include "runtime/exec/system.hpp"

namespace troupe::splitwise_sim {
namespace {

using testing::ElementsAre;

TEST(EventHeap, OrdersTiesAsPythonsHeapqDoes) {
  EventHeap heap;
  std::uint32_t number = 0;
  std::vector<std::uint32_t> order;
  for (const double at : {3, 1, 2, 1, 3, 1, 2, 2, 1}) heap.push({at, EventKind::kArrival, 0, number++});
  for (int i = 0; i < 3; ++i) order.push_back(heap.pop().number);
  for (const double at : {1, 2, 2}) heap.push({at, EventKind::kArrival, 0, number++});
  while (!heap.empty()) order.push_back(heap.pop().number);
  EXPECT_THAT(order, ElementsAre(1, 5, 3, 8, 9, 6, 11, 2, 7, 10, 4, 0)) << "as heapq.heappush and heappop gave it";
}

/// A machine that writes down what it hears, and schedules what the test tells it to.
class Listener final : public exec::Actor<MachineActor::base> {
 public:
  using Answer = std::function<std::optional<Event>(const Event&)>;
  Listener(caf::actor_config& config, std::shared_ptr<Cast> cast, std::vector<Event>* heard, Answer answer)
      : Actor(config), cast_(std::move(cast)), heard_(heard), answer_(std::move(answer)) {}

 protected:
  MachineActor::behavior_type make_behavior() override {
    return {[this](const EventDue& due) {
              heard_->push_back(due.event);
              if (const auto next = answer_(due.event)) send(cast_->timeline, ScheduleEvent{*next});
            },
            [](const ServeRequest&) {},
            [](const OfferKv&) {},
            [](const KvAnswered&) {},
            [](const SubmitTokens&) {},
            [](const TokensSubmitted&) {},
            [](const CloseBooks&) {}};
  }
  void on_exit() override { cast_.reset(); }

 private:
  std::shared_ptr<Cast> cast_;
  std::vector<Event>* heard_;
  Answer answer_;
};

std::vector<Event> heard_of(const std::vector<Event>& scheduled, const Listener::Answer& answer) {
  std::vector<Event> heard;
  const auto cast = std::make_shared<Cast>();
  exec::VirtualSystem system;
  cast->machines.push_back(system.spawn<Listener>(cast, &heard, answer));
  cast->timeline = system.spawn<Timeline>(cast, std::vector<RequestFacts>{}, std::size_t{1});
  for (const auto& event : scheduled) caf::anon_send(cast->timeline, ScheduleEvent{event});
  caf::anon_send(cast->timeline, TimelineTick{});
  EXPECT_FALSE(system.run({}, 10'000)) << "nothing ends it early";
  EXPECT_TRUE(system.run_some(1)) << "it came to its end by itself";
  *cast = {};
  return heard;
}

std::vector<std::uint32_t> numbers(const std::vector<Event>& events) {
  std::vector<std::uint32_t> out;
  for (const auto& event : events) out.push_back(event.number);
  return out;
}

TEST(Timeline, ReleasesWhatFollowsFromAnEventBeforeLaterOnes) {
  const auto heard = heard_of({{1.0, EventKind::kKvSent, 0, 1}, {2.0, EventKind::kKvSent, 0, 2}},
                              [](const Event& event) -> std::optional<Event> {
                                if (event.number == 1) return Event{1.5, EventKind::kKvSent, 0, 3};
                                return std::nullopt;
                              });
  EXPECT_THAT(numbers(heard), ElementsAre(1, 3, 2));
}

TEST(Timeline, TellsApartEventsWithinOneNanosecond) {
  const auto heard = heard_of({{1.0 + 3e-10, EventKind::kKvSent, 0, 2}, {1.0 + 1e-10, EventKind::kKvSent, 0, 1}},
                              [](const Event&) { return std::nullopt; });
  EXPECT_THAT(numbers(heard), ElementsAre(1, 2));
}

TEST(Timeline, PassesOverARunWhoseEndWasMoved) {
  const auto heard = heard_of({{3.0, EventKind::kRunEnd, 0, 1}, {2.0, EventKind::kRunEnd, 0, 2}},
                              [](const Event&) { return std::nullopt; });
  EXPECT_THAT(numbers(heard), ElementsAre(2));
}

TEST(Timeline, GivesUpWhereNothingIsLeftButOffersInVain) {
  const auto heard = heard_of({{1.0, EventKind::kRetry, 0, 1}, {1.0, EventKind::kRetry, 0, 2}},
                              [](const Event& event) -> std::optional<Event> {
                                return Event{event.at + kRetrySeconds, EventKind::kRetry, 0, event.number};
                              });
  EXPECT_GE(heard.size(), 2u);
  EXPECT_LE(heard.size(), 4u);
}

}  // namespace
}  // namespace troupe::splitwise_sim
