#include "tools/hunt/witness.hpp"

#include <cxxabi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "actors/messages/neighbours.hpp"
#include "actors/messages/trace_table.hpp"
#include "actors/wire/wire.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/later.hpp"
#include "runtime/trace/message_types.hpp"
#include "tools/hunt/wire.hpp"

namespace troupe::hunt {
namespace {

/// FNV-1a, with which a name hashes the same in every process.
std::uint64_t hash_of_text(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

std::string name_of_type(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                    std::free);
  std::string text = status == 0 ? name.get() : type.name();
  for (const std::string_view prefix : {"troupe::hunt::", "troupe::"})
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  return text;
}

const std::type_info* type_of(const caf::type_erased_tuple& content) {
  return content.size() == 1 ? content.type(0).second : nullptr;
}

/// What goes on all the time, whatever happens: no line of a trace.
bool is_routine(const std::type_info& type) {
  for (const auto* const each : {&typeid(NeighboursTick), &typeid(QueryCluster), &typeid(QueryPool), &typeid(QueryWork),
                                 &typeid(ClusterState), &typeid(PoolState), &typeid(WorkState), &typeid(KvRoomHeard),
                                 &typeid(LinkMeasured), &typeid(FrameDue), &typeid(exec::RunLater), &typeid(MoveBlock)})
    if (*each == type) return true;
  return false;
}

}  // namespace

Witness::Witness() {
  register_traced_messages();
  trace::watching = this;
}

Witness::~Witness() { trace::watching = nullptr; }

void Witness::tell(Tell tell, std::vector<std::string> nodes, exec::VirtualSystem& system) {
  tell_ = std::move(tell);
  nodes_ = std::move(nodes);
  system_ = &system;
}

std::uint64_t Witness::hash_of(const caf::type_erased_tuple& content) {
  std::uint64_t hash = content.size();
  for (std::size_t i = 0; i < content.size(); ++i) {
    const auto type = content.type(i);
    std::uint64_t each = type.first;  // CAF numbers its own types
    if (type.second != nullptr) {
      const auto [known, added] = type_hashes_.try_emplace(type.second, 0);
      if (added) known->second = hash_of_text(type.second->name());
      each = known->second;
    }
    hash = mix64(hash ^ each);
  }
  return hash;
}

void Witness::handles(caf::actor_id actor, const char* name, const caf::mailbox_element& element,
                      const caf::actor_clock& clock) {
  const auto at = std::chrono::nanoseconds(clock.now().time_since_epoch()).count();
  const auto sender = element.sender ? element.sender->id() : 0;
  const auto& content = element.content();
  ++messages_;
  players_.saw(element);
  hash_ = mix64(hash_ ^ mix64(sender * 0x10001 + actor) ^ hash_of(content) ^ static_cast<std::uint64_t>(at));
  if (tell_) tell_message(actor, name, element, at);
  const auto* const type = type_of(content);
  if (type == nullptr) return;
  note(*type, content.get(0), sender, actor);
  if (*type == typeid(DecideRoute))
    drains_.offered(sender, *static_cast<const DecideRoute*>(content.get(0))->snapshot, at);
  if (std::string_view(name) == "router") note_of_router(*type, content.get(0), actor, at);
}

void Witness::note(const std::type_info& type, const void* message, caf::actor_id sender, caf::actor_id receiver) {
  if (type == typeid(BlocksReserved)) {
    const auto& granted = *static_cast<const BlocksReserved*>(message);
    for (const auto& life : granted.blocks) {
      auto& held = blocks_[sender][life.block.value];
      // A grant that its holder hears late says nothing of the block's later lives.
      if (life.generation > held.generation) held = {granted.request, life.generation, false};
    }
  } else if (type == typeid(BlockFreed)) {
    const auto& life = static_cast<const BlockFreed*>(message)->life;
    auto& held = blocks_[receiver][life.block.value];
    // Blocks may be freed before their grant is heard.
    if (life.generation >= held.generation) held = {{}, life.generation, true};
  } else if (type == typeid(MachineJoined)) {
    const auto& joined = *static_cast<const MachineJoined*>(message);
    if (joined.pool) pools_[joined.machine] = joined.pool->id();
  } else if (type == typeid(RouteRequest)) {
    const auto& route = *static_cast<const RouteRequest*>(message);
    if (route.attempt == 0) return;
    ++retries_;
    if (resumed_.contains(route.request)) ++retries_after_preemption_;
  } else if (type == typeid(RunPrompt)) {
    const auto& run = *static_cast<const RunPrompt*>(message);
    if (!run.generated.empty()) resumed_.insert(run.spec->id);
  }
}

void Witness::note_of_router(const std::type_info& type, const void* message, caf::actor_id router,
                             std::int64_t at_ns) {
  if (type == typeid(MachineJoined)) drains_.told(router, *static_cast<const MachineJoined*>(message), at_ns);
  if (type == typeid(MachineLeft)) drains_.told(router, *static_cast<const MachineLeft*>(message));
  if (type == typeid(MachineChanged)) drains_.told(router, *static_cast<const MachineChanged*>(message), at_ns);
}

std::optional<RequestId> Witness::holder(MachineId machine, BlockId block) const {
  const auto pool = pools_.find(machine);
  if (pool == pools_.end()) return std::nullopt;
  const auto blocks = blocks_.find(pool->second);
  if (blocks == blocks_.end()) return std::nullopt;
  const auto held = blocks->second.find(block.value);
  if (held == blocks->second.end() || held->second.free) return std::nullopt;
  return held->second.request;
}

std::string Witness::whom(caf::actor_id actor) {
  if (actor == 0) return "outside";
  const auto place = system_->place_of(actor);
  const auto name = names_.find(actor);
  std::string text = place == exec::kNoPlace || place > nodes_.size() ? "" : nodes_[place - 1] + "/";
  return text + (name == names_.end() ? "actor" : name->second) + "#" + std::to_string(actor);
}

void Witness::tell_message(caf::actor_id actor, const char* name, const caf::mailbox_element& element,
                           std::int64_t at_ns) {
  names_[actor] = name;
  const auto& content = element.content();
  if (const auto* type = type_of(content); type != nullptr && is_routine(*type)) return;
  char time[32];
  std::snprintf(time, sizeof time, "%12.6f s  ", static_cast<double>(at_ns) * 1e-9);
  std::string line = time + whom(element.sender ? element.sender->id() : 0) + " -> " + whom(actor) + ": ";
  const auto* const type = type_of(content);
  const auto* const known = trace::find_message_type(content);
  line += known != nullptr ? known->name : type != nullptr ? name_of_type(*type) : content.stringify();
  if (type != nullptr && *type == typeid(WireFrame)) {
    const auto& frame = *static_cast<const WireFrame*>(content.get(0));
    const auto decoded = wire::decode(frame.bytes, TimePoint(std::chrono::nanoseconds(at_ns)));
    if (decoded.ok() && std::holds_alternative<wire::Beat>(decoded->message)) return;
    line += decoded.ok() ? std::string(" ") + wire::name_of(decoded->message) : " that is none";
  }
  if (known != nullptr) {
    if (const auto request = known->request_of(content.get(0)); request.value != 0)
      line += " of request " + std::to_string(request.value);
    if (known->note_of != nullptr) line += ": " + known->note_of(content.get(0));
  }
  for (char& c : line)
    if (c == '\n') c = ' ';
  tell_(line);
}

}  // namespace troupe::hunt
