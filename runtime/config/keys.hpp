// The tables of configuration keys: for each key its place, type, range and help. Reading, the environment, `check
// --explain` and the JSON Schemas all follow them, so that none of them can know a key that the others do not.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/config/cluster_config.hpp"
#include "runtime/config/serve_config.hpp"

namespace troupe::config {

/// Everything that keys can reach: a serve file's values, or one part of a cluster's (its shared sections, a node, a
/// machine) in the making.
struct Draft : ClusterSections {
  ServeConfig serve;
  std::string cluster;
  NodeSection node;
  MachineSection machine;
};

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
  std::function<Slot(Draft&)> slot;
  /// Bounds of a number, in its unit (bytes, milliseconds, or a count); of a text or list, its length.
  std::uint64_t least = 0;
  std::uint64_t most = 4096;
  std::vector<std::string> choices;
  Unit unit = Unit::kNone;
  bool zero_is_auto = false;  ///< written "auto"; a number must then be in the range
  bool is_path = false;       ///< relative to the folder of the file it stands in
  bool or_path = false;       ///< a text with choices that may also be a path, known by its slash
  bool is_name = false;       ///< 1 to 64 of a-z, 0-9 and -
  bool required = false;      ///< in a cluster's file: has no default
};

using Table = std::vector<Key>;

/// Of `troupe serve`'s file, in the order of the sections.
const Table& keys();

/// Of a cluster's file: what all nodes share; `nodes`, a list, is read beside it.
const Table& cluster_keys();
/// Of one of the `nodes`; `machines`, a list, is read beside it.
const Table& node_keys();
/// Of one of a node's `machines`.
const Table& machine_keys();

const Key* find_key(const Table& table, const std::string& path);
/// In the table of `troupe serve`.
const Key* find_key(const std::string& path);

/// "TROUPE_HTTP_PORT" for "http.port".
std::string environment_name(const std::string& path);

inline const std::vector<std::string> kScopes = {"metrics", "infer", "admin", "inspect"};

}  // namespace troupe::config
