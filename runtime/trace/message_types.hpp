// The kinds of messages that the recorder knows by name.
// Filled once at start by whoever defines the messages, read-only afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <typeinfo>
#include <vector>

#include <caf/type_erased_tuple.hpp>

#include "runtime/base/ids.hpp"

namespace troupe::trace {

struct MessageType {
  const std::type_info* type = nullptr;
  const char* name = "";                                   ///< "RouteRequest"
  RequestId (*request_of)(const void* message) = nullptr;  ///< 0: not about one request
  std::string (*note_of)(const void* message) = nullptr;   ///< what to keep of it in words; null: nothing
};

/// Adds types. Not while messages are being recorded; a type that is known already is passed over.
void register_message_types(const std::vector<MessageType>& types);

/// The type of a message with one element, or null where it is not known.
const MessageType* find_message_type(const caf::type_erased_tuple& content);

/// All that are registered.
std::vector<MessageType> registered_message_types();

}  // namespace troupe::trace
