// Which actors of a virtual system belong together, as the actors of a process do: an actor is where its spawner is.
// A place may be stalled, as a process that is stopped: its actors stay ready and handle nothing until it wakes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <caf/resumable.hpp>
#include <caf/scheduled_actor.hpp>

namespace troupe::exec {

using Place = std::uint16_t;

/// Where what belongs to no node is: never stalled.
inline constexpr Place kNoPlace = 0;

class Places {
 public:
  /// Whether anything was ever put anywhere; before that nothing is looked at.
  bool used() const { return used_; }

  /// From now on what is spawned is at `place`, until enter() is called again. Returns the place before.
  Place enter(Place place) {
    used_ = used_ || place != kNoPlace;
    return std::exchange(here_, place);
  }

  /// The actor's place; one that is seen for the first time is where enter() last led.
  Place of(caf::actor_id actor) {
    if (actor >= places_.size()) places_.resize(std::max<std::size_t>(actor + 1, places_.size() * 2), kUnknown);
    auto& place = places_[actor];
    if (place == kUnknown) place = here_;
    return place;
  }
  Place of(caf::resumable* job) {
    return job->subtype() == caf::resumable::scheduled_actor ? of(static_cast<caf::scheduled_actor*>(job)->id())
                                                             : kNoPlace;
  }

  /// Takes a job that has become ready where its place is stalled.
  bool park(caf::resumable* job) {
    const auto place = of(job);
    if (stalled_.empty()) return false;
    const auto stalled = stalled_.find(place);
    if (stalled == stalled_.end()) return false;
    stalled->second.push_back(job);
    return true;
  }

  bool is_stalled(Place place) const { return stalled_.contains(place); }
  void stall(Place place) { stalled_.try_emplace(place); }
  /// The jobs that have become ready meanwhile, in that order.
  std::vector<caf::resumable*> wake(Place place) {
    auto jobs = stalled_.extract(place);
    return jobs.empty() ? std::vector<caf::resumable*>{} : std::move(jobs.mapped());
  }
  /// Of all places.
  std::vector<caf::resumable*> wake_all() {
    std::vector<caf::resumable*> all;
    for (auto& [place, jobs] : std::exchange(stalled_, {})) all.insert(all.end(), jobs.begin(), jobs.end());
    return all;
  }

 private:
  static constexpr Place kUnknown = 0xffff;

  bool used_ = false;
  Place here_ = kNoPlace;
  std::vector<Place> places_;  // by actor id
  std::map<Place, std::vector<caf::resumable*>> stalled_;
};

}  // namespace troupe::exec
