// A YAML text as a tree that remembers where everything stood. Narrower than YAML on purpose: one document, no anchors,
// aliases or tags, no tabs in indentation, no control characters, bounded depth and size. For runtime/config and for
// other data files (runtime/perf).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/problems.hpp"

namespace troupe::config {

inline constexpr std::size_t kMostFileBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMostDepth = 16;
inline constexpr std::size_t kMostNodes = 10'000;
inline constexpr std::size_t kMostNodesOfCluster = 100'000;

struct Node;
struct Entry;

struct Node {
  enum class Kind { kNull, kScalar, kSequence, kMapping };
  Kind kind = Kind::kNull;
  Place place;
  std::string text;    ///< of a scalar
  bool plain = false;  ///< a scalar without quotes
  std::vector<Node> items;
  std::vector<Entry> entries;  ///< keys are scalars, each there once

  /// "a list", "a mapping", "nothing", or the quoted scalar: for messages.
  std::string described() const;
};

struct Entry {
  Node key;
  Node value;
};

/// Whether the top of the file is a cluster's: it has `nodes` or `cluster`.
bool is_cluster(const Node& root);

/// Nothing where the text is not acceptable: `problems` then has why. An empty document is a mapping without entries.
std::optional<Node> parse_document(std::string_view text, Problems& problems, std::size_t most_nodes = kMostNodes);

}  // namespace troupe::config
