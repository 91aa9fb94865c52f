// The cluster's three pools and the choice of machines, as pure state: what the cluster actor decides by.
//
// Promises: the rules of the authors' schedulers token_jsq (machines without roles) and mixed_pool (prompt and token
// machines), ties to the machine that stands first in its pool's list. Each choice costs the logarithm of the machines.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "actors/splitwise_sim/rules.hpp"

namespace troupe::splitwise_sim {

enum class Place : std::uint8_t { kPrompt, kMixed, kToken };

/// Which of the authors' schedulers routes.
enum class Routing : std::uint8_t {
  kTokenJsq,   ///< every machine does both; the fewest pending tokens
  kMixedPool,  ///< prompt and token machines, and a pool for those that are drawn in
};

/// A machine as the scheduler knows it.
struct PooledMachine {
  Place home = Place::kMixed;
  std::int64_t weight_bytes = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t kv_bytes_per_token = 1;
};

struct Route {
  MachineIndex prompt_machine = 0;
  MachineIndex token_machine = 0;
  std::array<MachineIndex, 2> moved = {};  ///< machines that this request drew into the mixed pool
  std::size_t moves = 0;                   ///< how many they are
};

class Pools {
 public:
  Pools(Routing routing, std::vector<PooledMachine> machines);

  /// Chooses, and counts the request as routed there.
  Route route(const RequestFacts& facts);
  /// What a machine has done since: pending tokens and reserved bytes go down by that much; whether tasks wait there.
  void report(MachineIndex machine, std::int64_t pending_done, std::int64_t reserved_done, bool waiting);
  /// A machine has nothing left to do. True where it went home from the mixed pool.
  bool became_free(MachineIndex machine);

  /// Machines in the mixed pool that are not at home there.
  std::int32_t drawn_in() const { return drawn_in_; }
  bool is_drawn_in(MachineIndex machine) const { return state_[machine].place != machines_[machine].home; }

 private:
  /// Load, then the place in the list, which only grows: a machine that comes to a pool goes to its end.
  using Ranked = std::tuple<std::int64_t, std::uint64_t, MachineIndex>;
  struct Pool {
    std::set<Ranked> by_pending;
    std::set<Ranked> by_reserved;
    bool empty() const { return by_pending.empty(); }
  };
  struct State {
    Place place = Place::kMixed;
    std::uint64_t order = 0;
    std::int64_t pending = 0;   // tokens
    std::int64_t reserved = 0;  // bytes
    bool waiting = false;
  };

  Pool& pool(Place place) { return pools_[static_cast<std::size_t>(place)]; }
  Route route_to_shortest(const RequestFacts& facts);
  Route route_to_pools(const RequestFacts& facts);
  std::optional<MachineIndex> find_for_prompt(Place place, const RequestFacts& facts);
  std::optional<MachineIndex> find_for_tokens(Place place, const RequestFacts& facts);
  MachineIndex fewest_pending_of_all();
  void move(MachineIndex machine, Place to);
  void change(MachineIndex machine, std::int64_t pending, std::int64_t reserved);

  Routing routing_;
  std::vector<PooledMachine> machines_;
  std::vector<State> state_;
  std::array<Pool, 3> pools_;
  std::uint64_t orders_ = 0;
  std::int32_t drawn_in_ = 0;
};

}  // namespace troupe::splitwise_sim
