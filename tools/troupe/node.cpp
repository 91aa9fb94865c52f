#include "tools/troupe/node.hpp"

#include <algorithm>
#include <future>
#include <limits>
#include <utility>

#include <caf/send.hpp>

#include "actors/gateway/ask.hpp"
#include "runtime/clock/wall_clock.hpp"
#include "tools/settings/settings.hpp"
#include "tools/troupe/model_text.hpp"
#include "tools/troupe/node_parts.hpp"
#include "tools/troupe/node_settings.hpp"

namespace troupe {
namespace {

constexpr std::chrono::milliseconds kPoll{10};
/// For the ends of answers to reach their clients, once nothing more is generated.
constexpr std::chrono::milliseconds kLastWordsTimeout{1000};

/// A machine to load, and what its device is told.
struct Wanted {
  MachineSpec spec;
  config::ServeConfig config;
};

std::vector<Wanted> machines_of(const NodeOptions& options) {
  std::vector<Wanted> machines;
  if (!options.cluster) {
    MachineSpec spec;
    spec.name = "m0";
    machines.push_back({std::move(spec), options.config});
    return machines;
  }
  // Ids count the machines of the whole file, so that all nodes agree on them.
  const auto& cluster = options.cluster->config;
  std::uint32_t next = 0;
  for (std::size_t node = 0; node < cluster.nodes.size(); ++node)
    for (std::size_t i = 0; i < cluster.nodes[node].machines.size(); ++i, ++next) {
      if (node != options.cluster->node) continue;
      MachineSpec spec;
      spec.id = MachineId{next};
      spec.name = cluster.nodes[node].machines[i].name;
      spec.role = role_of(cluster.nodes[node].machines[i].role);
      machines.push_back({std::move(spec), config::serve_config_of(cluster, node, i)});
    }
  return machines;
}

}  // namespace

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
  const auto& config = options.config;
  const auto tell = [&](std::string_view stage, double done) {
    if (options.progress) options.progress(stage, done);
  };
  // Before the model is loaded, which takes long.
  TRY_VOID(options.cluster ? check_policies(options.cluster->config, options.cluster->node) : check_policies(config));
  tell("checkpoint", 0);
  TRY(checkpoint, model::Checkpoint::open(config.model.path));
  const bool calls = !options.cluster || options.cluster->config.nodes.at(options.cluster->node).http;
  ModelText text;
  if (calls) {
    TRY(loaded, load_model_text(config.model.path));
    text = std::move(loaded);
  }
  tell("checkpoint", 1);

  auto parts = std::make_unique<Parts>(options);
  if (options.cluster) {
    const auto& cluster = options.cluster->config;
    TRY_VOID(parts->start_link(cluster.link, cluster.nodes.at(options.cluster->node).address));
  }
  for (auto& wanted : machines_of(options))
    TRY_VOID(parts->load_machine(wanted.config, checkpoint, std::move(wanted.spec),
                                 [&](double done) { tell("weights", done); }));
  TRY_VOID(parts->start_actors(options, checkpoint));
  if (!calls) return std::unique_ptr<Node>(new Node(std::move(parts)));

  // Where the machines are other nodes', the router refuses what none of them can hold.
  std::int64_t longest = options.cluster ? std::numeric_limits<std::int64_t>::max() : 0;
  if (!options.cluster) longest = parts->machines.front().device->info().kv.blocks * kernels::kBlockPositions;
  auto model = served_model(config.model, checkpoint, std::move(text), longest);
  parts->banner = model.names.front() + (parts->banner.empty() ? "" : ": " + parts->banner) + ", up to " +
                  std::to_string(model.max_model_len) + " tokens a sequence";
  parts->start_gateway(config, std::move(model));
  if (options.http) {
    TRY_VOID(parts->listen(config.http));
    parts->log->write(config::LogLevel::kInfo, "serving",
                      {{"url", parts->url}, {"model", parts->options->model->names.front()}});
  }
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

std::uint16_t Node::port() const { return parts_->server ? parts_->server->port() : std::uint16_t{0}; }
std::string Node::url() const { return parts_->url; }
std::string Node::banner() const { return parts_->banner; }

std::size_t Node::drain(std::chrono::milliseconds deadline) {
  *parts_->draining = true;
  parts_->log->write(config::LogLevel::kInfo, "draining", {{"deadline_ms", deadline.count()}});
  if (!parts_->gateway) return 0;
  caf::anon_send(parts_->gateway, BeginDrain{});
  // The listener stays open meanwhile: whoever asks for readiness shall hear 503 rather than nothing.
  caf::scoped_actor self{parts_->actors};
  const auto end = clock::steady_now() + deadline;
  std::size_t left = parts_->calls_under_way(self);
  for (; left > 0 && clock::steady_now() < end; left = parts_->calls_under_way(self)) pause(self, kPoll);
  if (left > 0) caf::anon_send(parts_->gateway, CutCalls{});
  if (!parts_->server) return left;
  std::promise<std::size_t> unsent;
  // What has ended, well or with an error, may still be on its way to its clients.
  parts_->server->drain(kLastWordsTimeout, [&unsent](std::size_t requests) { unsent.set_value(requests); });
  return std::max(left, unsent.get_future().get());
}

Result<AskSummary> Node::ask(const std::string& body, std::function<void(std::string_view)> on_text,
                             std::function<bool()> cancelled) {
  TRY(outcome, troupe::ask(parts_->actors, parts_->options, body, std::move(on_text), cancelled));
  return AskSummary{outcome.finish_reason, outcome.prompt_tokens, outcome.generated_tokens, outcome.to_first_token,
                    outcome.total};
}

}  // namespace troupe
