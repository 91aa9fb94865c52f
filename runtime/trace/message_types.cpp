#include "runtime/trace/message_types.hpp"

#include <array>
#include <deque>

#include "runtime/base/check.hpp"

namespace troupe::trace {
namespace {

// Open addressing by the type_info's address: a look-up is on the path of every message.
constexpr std::size_t kSlots = 512;
std::array<const MessageType*, kSlots>& slots() {
  static std::array<const MessageType*, kSlots> table{};
  return table;
}
std::deque<MessageType>& storage() {
  static std::deque<MessageType> types;
  return types;
}

std::size_t home_of(const std::type_info* type) { return (reinterpret_cast<std::uintptr_t>(type) >> 4) % kSlots; }

}  // namespace

void register_message_types(const std::vector<MessageType>& types) {
  for (const auto& type : types) {
    std::size_t slot = home_of(type.type);
    while (slots()[slot] != nullptr && slots()[slot]->type != type.type) slot = (slot + 1) % kSlots;
    if (slots()[slot] != nullptr) continue;
    CHECK(storage().size() < kSlots / 2, storage().size());
    storage().push_back(type);
    slots()[slot] = &storage().back();
  }
}

const MessageType* find_message_type(const caf::type_erased_tuple& content) {
  if (content.size() != 1) return nullptr;
  const std::type_info* const type = content.type(0).second;
  if (type == nullptr) return nullptr;
  for (std::size_t slot = home_of(type); slots()[slot] != nullptr; slot = (slot + 1) % kSlots)
    if (slots()[slot]->type == type) return slots()[slot];
  return nullptr;
}

std::vector<MessageType> registered_message_types() { return {storage().begin(), storage().end()}; }

}  // namespace troupe::trace
