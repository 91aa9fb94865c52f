// Sees every message that an actor of a virtual system handles.
//
// Owns: the trace hash, what requests of a run went through, and who holds which KV block by the pools' own words.
// Promises: two runs have the same hash where the same actors handled the same kinds of messages from the same senders
// at the same virtual times, in the same order; nothing of it depends on where things lie in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/messages/blocks.hpp"
#include "actors/messages/routing.hpp"
#include "runtime/exec/system.hpp"
#include "runtime/trace/hook.hpp"
#include "tools/hunt/drains.hpp"
#include "tools/hunt/players.hpp"

namespace troupe::hunt {

class Witness final : public trace::Watcher {
 public:
  /// Writes one message in words; none: nobody reads along.
  using Tell = std::function<void(std::string_view line)>;

  Witness();
  ~Witness() override;
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  /// From now on messages are told, but for those that come all the time (heartbeats, what they ask), with the names of
  /// the nodes: places count from 1.
  void tell(Tell tell, std::vector<std::string> nodes, exec::VirtualSystem& system);

  void handles(caf::actor_id actor, const char* name, const caf::mailbox_element& element,
               const caf::actor_clock& clock) override;

  std::uint64_t hash() const { return hash_; }
  std::uint64_t messages() const { return messages_; }
  /// Attempts that requests made after their first.
  std::uint64_t retries() const { return retries_; }
  /// Of these, the ones of requests that never lost blocks to others. A sequence that did has its prompt run again, and
  /// moves where the machine for that has been replaced meanwhile.
  std::uint64_t retries_without_preemption() const { return retries_ - retries_after_preemption_; }

  const Players& players() const { return players_; }
  const Drains& drains() const { return drains_; }

  /// Who holds the block of the machine, as its pool last said; none: nobody.
  std::optional<RequestId> holder(MachineId machine, BlockId block) const;

 private:
  struct Held {
    RequestId request;
    Generation generation;
    bool free = true;
  };
  using PoolBlocks = std::unordered_map<std::uint32_t, Held>;

  std::uint64_t hash_of(const caf::type_erased_tuple& content);
  void note(const std::type_info& type, const void* message, caf::actor_id sender, caf::actor_id receiver);
  void note_of_router(const std::type_info& type, const void* message, caf::actor_id router, std::int64_t at_ns);
  void tell_message(caf::actor_id actor, const char* name, const caf::mailbox_element& element, std::int64_t at_ns);
  std::string whom(caf::actor_id actor);

  Players players_;
  Drains drains_;
  std::uint64_t hash_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t retries_ = 0;
  std::uint64_t retries_after_preemption_ = 0;
  std::unordered_set<RequestId> resumed_;  // whose prompts ran again with what was generated
  std::unordered_map<const std::type_info*, std::uint64_t> type_hashes_;
  std::map<MachineId, caf::actor_id> pools_;  // of the machines that live, or lived last
  std::unordered_map<caf::actor_id, PoolBlocks> blocks_;

  Tell tell_;
  std::vector<std::string> nodes_;
  exec::VirtualSystem* system_ = nullptr;
  std::map<caf::actor_id, std::string> names_;
};

}  // namespace troupe::hunt
