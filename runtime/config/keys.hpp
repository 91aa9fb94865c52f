// The table of configuration keys: for each its place, type, range and help. Reading, the environment, `check
// --explain` and the JSON Schema all follow it, so that none of them can know a key that the others do not.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/config/serve_config.hpp"

namespace troupe::config {

/// An enumeration in the configuration, by its index among the key's choices.
struct ChoiceSlot {
  std::function<std::size_t()> get;
  std::function<void(std::size_t)> set;
};

/// Where a key's value lives. The type decides what may be written; for a number see Key::unit.
using Slot = std::variant<std::string*, std::vector<std::string>*, bool*, std::uint16_t*, std::uint32_t*,
                          std::uint64_t*, std::chrono::milliseconds*, ChoiceSlot, std::vector<ApiKeyEntry>*>;

enum class Unit : std::uint8_t { kNone, kBytes };

struct Key {
  std::string path;  ///< "http.limits.body_bytes"
  std::string help;
  std::function<Slot(ServeConfig&)> slot;
  /// Bounds of a number, in its unit (bytes, milliseconds, or a count); of a text or list, its length.
  std::uint64_t least = 0;
  std::uint64_t most = 4096;
  std::vector<std::string> choices;
  Unit unit = Unit::kNone;
  bool zero_is_auto = false;  ///< written "auto"; a number must then be in the range
  bool is_path = false;       ///< relative to the folder of the file it stands in
};

/// In the order of the sections.
const std::vector<Key>& keys();

const Key* find_key(const std::string& path);

/// "TROUPE_HTTP_PORT" for "http.port".
std::string environment_name(const std::string& path);

inline const std::vector<std::string> kScopes = {"metrics", "infer", "admin", "inspect"};

}  // namespace troupe::config
