#include "runtime/exec/virtual_scheduler.hpp"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/send.hpp>
#include <caf/typed_actor.hpp>

#include "runtime/exec/actor.hpp"
#include "runtime/exec/system.hpp"

namespace troupe::exec {

struct Note {
  int number = 0;
};
using NoteTaker = caf::typed_actor<caf::reacts_to<Note>>;

}  // namespace troupe::exec

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::exec::Note)

namespace troupe::exec {
namespace {

using testing::ElementsAre;

class Taker final : public Actor<NoteTaker::base> {
 public:
  Taker(caf::actor_config& config, std::vector<int>* notes) : Actor(config), notes_(notes) {}

 protected:
  NoteTaker::behavior_type make_behavior() override {
    return {[this](const Note& note) { notes_->push_back(note.number); }};
  }

 private:
  std::vector<int>* notes_;
};

/// What `takers` actors write down who each got two notes: 0, 1, 2, ..., then 100, 101, 102, ...
std::vector<int> notes_of(std::uint64_t seed, int takers) {
  std::vector<int> notes;
  VirtualSystem system(seed);
  std::vector<NoteTaker> all;
  for (int i = 0; i < takers; ++i) all.push_back(system.spawn<Taker>(&notes));
  system.settle();
  for (const int round : {0, 100})
    for (int i = 0; i < takers; ++i) caf::anon_send(all[static_cast<std::size_t>(i)], Note{round + i});
  system.settle();
  return notes;
}

TEST(VirtualScheduler, TakesReadyActorsInTheirOrderOneMessageAtATime) {
  EXPECT_THAT(notes_of(VirtualScheduler::kInOrder, 4), ElementsAre(0, 1, 2, 3, 100, 101, 102, 103));
}

TEST(VirtualScheduler, ChoosesBySeedAndTheSameBySameSeed) {
  const auto once = notes_of(7, 20);
  EXPECT_EQ(once, notes_of(7, 20));
  EXPECT_NE(once, notes_of(8, 20));
  EXPECT_NE(once, notes_of(VirtualScheduler::kInOrder, 20));
}

TEST(VirtualScheduler, KeepsTheOrderOfOneActorsMessagesWhateverTheSeed) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    const auto notes = notes_of(seed, 10);
    ASSERT_EQ(notes.size(), 20u);
    for (int i = 0; i < 10; ++i) {
      const auto first = std::find(notes.begin(), notes.end(), i),
                 second = std::find(notes.begin(), notes.end(), 100 + i);
      EXPECT_LT(first, second) << i << " with seed " << seed;
    }
  }
}

TEST(VirtualSystem, RunsSomeMessagesAndSaysWhetherThatWasAll) {
  std::vector<int> notes;
  VirtualSystem system;
  const auto taker = system.spawn<Taker>(&notes);
  system.settle();
  for (int i = 0; i < 5; ++i) caf::anon_send(taker, Note{i});
  EXPECT_FALSE(system.run_some(3));
  EXPECT_EQ(notes.size(), 3u);
  EXPECT_TRUE(system.run_some(10));
  EXPECT_EQ(notes.size(), 5u);
}

}  // namespace
}  // namespace troupe::exec
