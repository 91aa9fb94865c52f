// Reads one mapping of a file against one table of keys: a whole serve file, or a cluster's shared sections, one of its
// nodes, one of a node's machines. Internal to runtime/config.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/config/document.hpp"
#include "runtime/config/keys.hpp"
#include "runtime/config/problems.hpp"

namespace troupe::config {

/// A table that a key may belong to when it stands in the wrong mapping.
struct OtherTable {
  const Table* table = nullptr;
  std::string owner;  ///< "a node"
};

class SectionReader {
 public:
  /// `file` is the path that relative ones are resolved against, and how places are named. The table and the problems
  /// must outlive this.
  SectionReader(Problems& problems, std::string file, const Table& table, std::vector<OtherTable> others = {})
      : problems_(&problems), file_(std::move(file)), table_(&table), others_(std::move(others)) {}

  /// `mapping`'s entries. Those named in `lists` are the caller's to read.
  void read(const Node& mapping, const std::vector<std::string>& lists = {});

  /// A value from a flag or an environment variable, which `source` names. The table must have the key.
  void take(const std::string& key, const std::string& value, const std::string& source);

  /// Adds a problem for each required key that was not given; one that was given wrongly, or perhaps
  /// under a name that the table has not, is no second problem. `what`
  /// is "a node", `place` where it starts.
  void require_keys(Place place, const std::string& what);

  /// Whether the key has a good value that is not its default.
  bool given(const std::string& key) const { return origins_.contains(key); }

  /// Adds a problem where the first of the keys that was given at all came from, else at `otherwise`.
  void report(const std::vector<std::string>& keys, std::string message, std::string expected, Place otherwise = {});

  /// "serve.yaml:3:9", "--port", or "default"
  std::string source_of(const std::string& key) const;

  Draft& draft() { return draft_; }
  const Draft& draft() const { return draft_; }
  Problems& problems() { return *problems_; }

 private:
  struct Origin {
    std::string source;
    Place place;  ///< line 0 where the source is not the file
  };

  void read_below(const Node& section, const std::string& prefix, const std::vector<std::string>& lists);
  void read_subsection(const std::string& path, const Entry& entry);
  void read_value(const Key& key, const Entry& entry);
  void read_list(const Key& key, const Node& value);
  void read_api_keys(const Key& key, const Node& value);
  void came_from_file(const std::string& path, Place place);
  void resolve(std::string& path) const;
  std::vector<std::string> names_below(const std::string& prefix) const;
  std::string elsewhere(const std::string& name) const;

  Problems* problems_;
  std::string file_;
  const Table* table_;
  std::vector<OtherTable> others_;
  Draft draft_;
  std::map<std::string, Origin> origins_;
  bool misspelled_ = false;        ///< a top-level name is not in the table
  std::vector<std::string> seen_;  ///< top-level names that the file has, with whatever value
};

/// What no single key of an http section can tell.
void check_http(SectionReader& reader);
/// The same for the scheduling section; a default that does not fit beside what was given gives way.
void check_scheduling(SectionReader& reader);
/// The same for a cluster's roles section.
void check_roles(SectionReader& reader);

/// One API key of a list, with its mistakes added to `problems`: whether it has none.
bool read_api_key(const Node& item, ApiKeyEntry& entry, Problems& problems);

}  // namespace troupe::config
