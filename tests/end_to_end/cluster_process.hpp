// Clusters for the end-to-end tests: a file with free ports in a folder of its own, and the real `troupe up` or
// `troupe node` on it. Promises: no port is one that another cluster of this test program was given, and no process
// outlives the object that started it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {

/// A folder below the system's temporary one, removed with what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Writes a file into it and returns its path.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

/// What a test asks of a cluster: a node "front" without a machine, and a node for each of `machines`. A machine and
/// its node have one name, unless `together` names one node for all machines.
struct ClusterShape {
  struct Machine {
    std::string name;
    std::string role;
    std::string isa = {};  ///< where it is not the shape's
    std::string kv_memory = "32MiB";
  };
  std::vector<Machine> machines;
  std::string isa = "auto";   ///< "reference": slow enough to be met in the middle
  std::string more = {};      ///< further sections of the file
  bool chief = false;         ///< a node "chief" routes for "front", which stands by
  std::string together = {};  ///< the node that has all machines: "front" or one more
};

class ClusterFile {
 public:
  explicit ClusterFile(const ClusterShape& shape);

  const std::string& path() const { return path_; }
  /// Of "front" first, then of the machines' nodes as the shape names them, then of "chief".
  const std::vector<int>& control_ports() const { return control_ports_; }

 private:
  TemporaryFolder folder_;
  std::string path_;
  std::vector<int> control_ports_;
};

/// `troupe node --config FILE --name NAME --port 0`, up when the constructor returns. Throws std::runtime_error with
/// what it wrote where it does not come up.
class NodeProcess {
 public:
  NodeProcess(const ClusterFile& file, const std::string& name, const std::string& model = demo_model());

  ChildProcess& process() { return process_; }
  /// Of a node that serves HTTP.
  const std::string& url() const { return url_; }

 private:
  ChildProcess process_;
  std::string url_;
};

/// A machine or node as /troupe/status shows it; null where it is not there.
Json shown(const Api& api, const std::string& list, const std::string& name);

/// `troupe up FILE --port 0`, all machines serving when the constructor returns. Throws std::runtime_error with what
/// the nodes wrote where that does not come to pass. Stopped with SIGTERM, or killed where that takes long.
class ClusterProcess {
 public:
  explicit ClusterProcess(const ClusterShape& shape);
  ~ClusterProcess();

  Api api() const { return Api(url_); }
  const std::string& url() const { return url_; }
  ChildProcess& process() { return process_; }
  const ClusterFile& file() const { return file_; }
  /// Of a node that is connected; 0 while it is away.
  pid_t pid_of(const std::string& node) const;
  /// Of every node. Throws std::runtime_error where one is away.
  std::vector<pid_t> pids() const;
  /// All nodes are connected, "machines" as many as the shape has, and none holds a block or a request.
  bool at_rest() const;

 private:
  ClusterShape shape_;
  ClusterFile file_;
  ChildProcess process_;
  std::string url_;
};

}  // namespace troupe::end_to_end
