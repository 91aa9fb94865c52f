// A node: the process that serves a model, put together from its parts.
// Owns: the actor system, the devices with the model on them, the supervisor's actors, the HTTP server, and, in a
// cluster, the way to the other nodes. Used by `troupe serve`, `troupe run` and `troupe node`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/config/cluster_config.hpp"
#include "runtime/config/serve_config.hpp"

namespace troupe {

/// Which node of which cluster.
struct ClusterPlace {
  config::ClusterConfig config;
  std::size_t node = 0;  ///< index into config.nodes
};

struct NodeOptions {
  config::ServeConfig config;  ///< of a cluster's node: config::serve_config_of()
  /// Without, the node is alone, and has one machine.
  std::optional<ClusterPlace> cluster = {};
  /// Without, the node serves no HTTP and answers ask() alone.
  bool http = true;
  /// Told how far loading is: a stage ("weights") and the part of it that is done, from 0 to 1. Called on the thread of
  /// start().
  std::function<void(std::string_view stage, double done)> progress;
};

/// How an answer to Node::ask ended and what it cost.
struct AskSummary {
  std::string finish_reason;  ///< "stop", "length", "abort"
  std::int32_t prompt_tokens = 0;
  std::int32_t generated_tokens = 0;
  std::chrono::nanoseconds to_first_token{};
  std::chrono::nanoseconds total{};
};

class Node {
 public:
  /// Loads everything and serves when it returns. Errors: the model's, the configuration's (kConfig), a port that is
  /// taken.
  static Result<std::unique_ptr<Node>> start(NodeOptions options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// The port that HTTP is served on.
  std::uint16_t port() const;
  /// "http://127.0.0.1:8000"
  std::string url() const;
  /// A line for people: model, device, memory.
  std::string banner() const;

  /// Readiness says no at once; what was admitted goes on until it ends or the deadline comes. Returns how many
  /// requests were cut.
  std::size_t drain(std::chrono::milliseconds deadline);

  /// One answer for the terminal: `body` is that of a chat completion call (or of a completion call where it has
  /// "prompt") as JSON. `on_text` gets the text as it comes, on a thread of the node's. Returns when the answer has
  /// ended. `cancelled` is asked between pieces.
  Result<AskSummary> ask(const std::string& body, std::function<void(std::string_view)> on_text,
                         std::function<bool()> cancelled);

  struct Parts;

 private:
  explicit Node(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace troupe
