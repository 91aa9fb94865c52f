#include "tools/troupe/node.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <utility>

#include <malloc.h>
#include <unistd.h>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/gateway/ask.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/messages/trace_table.hpp"
#include "actors/policies/routing_policy.hpp"
#include "actors/recorder/recorder.hpp"
#include "actors/request/deadlines.hpp"
#include "actors/request/request.hpp"
#include "actors/router/policy_actor.hpp"
#include "actors/router/router.hpp"
#include "actors/supervisor/supervisor.hpp"
#include "runtime/clock/wall_clock.hpp"
#include "runtime/exec/system.hpp"
#include "runtime/http/server.hpp"
#include "runtime/model/memory_plan.hpp"
#include "tools/troupe/cluster_view.hpp"
#include "tools/troupe/node_metrics.hpp"
#include "tools/troupe/node_settings.hpp"
#include "tools/troupe/status_json.hpp"
#include "tools/troupe/version.hpp"

namespace troupe {
namespace {

/// Reading and tokenizing this much text takes a few milliseconds, which is as long as other messages shall wait.
constexpr std::size_t kOwnThreadFromBytes = 32 * 1024;
/// How long actors may take to end once they were told to; each needs a message or two.
constexpr std::chrono::milliseconds kEndTimeout{5000};
constexpr std::chrono::milliseconds kPoll{10};
/// For the ends of answers to reach their clients, once nothing more is generated.
constexpr std::chrono::milliseconds kLastWordsTimeout{1000};
constexpr const char* kNodeName = "local";
constexpr const char* kStatusPath = "/troupe/status";
constexpr const char* kMetricsPath = "/metrics";
constexpr const char* kRequestPath = "/troupe/requests/{id}";

void answer_trace(http::Exchange& exchange, const Result<std::vector<trace::RequestTrace>>& traces) {
  if (!traces.ok()) {
    exchange.respond_error(traces.error().code == ErrorCode::kMissingInput ? 404 : 501, traces.error().message);
    return;
  }
  const bool json = http::query_value(exchange.request().query, "format") == "json";
  std::string body;
  for (const auto& each : *traces)
    body += (body.empty() ? "" : json ? "," : "\n") + (json ? as_json(each) : as_text(each));
  exchange.respond(200, json ? "application/json" : "text/plain; charset=utf-8", json ? "[" + body + "]" : body);
}

/// Lets `time` pass on a thread that is not an actor's.
void pause(caf::scoped_actor& self, std::chrono::milliseconds time) {
  self->receive(caf::after(time) >> [] {});
}

}  // namespace

struct Node::Parts {
  // In the order in which they are made; what comes first goes last.
  std::unique_ptr<trace::FlightRecorder> flight;
  exec::NodeConfig actor_config;
  caf::actor_system actors{actor_config};
  std::shared_ptr<device::Device> device;
  RouterActor router;
  DeadlinesActor deadlines;
  SupervisorActor supervisor;
  ClusterViewActor view;
  RecorderActor recorder;
  GatewayActor gateway;
  std::shared_ptr<const GatewayOptions> options;
  std::shared_ptr<std::atomic<std::int32_t>> serving = std::make_shared<std::atomic<std::int32_t>>(0);
  std::shared_ptr<std::atomic<bool>> draining = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<http::Server> server;
  std::string url;
  std::string banner;
  std::shared_ptr<EventLog> log;
  std::shared_ptr<NodeMetrics> metrics;

  ~Parts();
  void start_actors(const config::ServeConfig& config, std::unique_ptr<policies::RoutingPolicy> policy);
  GatewayOptions gateway_options(const config::ServeConfig& config, openai::ServedModel model);
  std::vector<ExtraRoute> view_routes(const std::string& model_name) const;
  Result<void> listen(const config::HttpSection& section);
  std::size_t calls_under_way(caf::scoped_actor& self) const;
  /// Whether no machine has anything to do or to keep.
  bool at_rest(caf::scoped_actor& self) const;
};

Node::Parts::~Parts() {
  server.reset();  // cuts what is left; its calls give their requests up
  {
    caf::scoped_actor self{actors};
    const auto deadline = clock::steady_now() + kEndTimeout;
    while (gateway && calls_under_way(self) > 0 && clock::steady_now() < deadline) pause(self, kPoll);
    // A call ends before its requests do: those wait until a machine has let go of them, which a step may hold up.
    while (supervisor && !at_rest(self) && clock::steady_now() < deadline) pause(self, kPoll);
    for (const auto& actor : {caf::actor_cast<caf::actor>(gateway), caf::actor_cast<caf::actor>(view),
                              caf::actor_cast<caf::actor>(supervisor), caf::actor_cast<caf::actor>(router),
                              caf::actor_cast<caf::actor>(deadlines), caf::actor_cast<caf::actor>(recorder)})
      if (actor) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    gateway = nullptr;
    view = nullptr;
    supervisor = nullptr;
    router = nullptr;
    deadlines = nullptr;
    recorder = nullptr;
    options.reset();
    while (actors.registry().running() > 1 && clock::steady_now() < deadline) pause(self, kPoll);  // 1: self
  }
  // An actor that did not end in that time would hold the process up for ever.
  actors.await_actors_before_shutdown(false);
  device.reset();  // waits for a running step
  trace::install(nullptr);
}

void Node::Parts::start_actors(const config::ServeConfig& config, std::unique_ptr<policies::RoutingPolicy> policy) {
  const auto& scheduling = config.scheduling;
  register_traced_messages();
  if (config.trace.enabled) {
    flight = std::make_unique<trace::FlightRecorder>(config.trace.ring_size);
    trace::install(flight.get());
  }
  recorder = actors.spawn<Recorder>(flight.get());
  const RoutingPolicyActor host =
      actors.spawn<RoutingPolicyHost>(std::shared_ptr<policies::RoutingPolicy>(std::move(policy)));
  router = actors.spawn<Router>(RouterLimits{static_cast<std::int32_t>(scheduling.max_waiting)}, host);
  deadlines = actors.spawn<Deadlines>();
  MachineSpec machine;
  machine.id = MachineId{0};
  machine.name = "m0";
  machine.device = device;
  machine.max_batch_tokens = static_cast<std::int32_t>(scheduling.max_batch_tokens);
  machine.prompt_tokens_beside_decodes = static_cast<std::int32_t>(scheduling.prompt_tokens_beside_decodes);
  machine.token_limits.max_running = static_cast<std::int32_t>(scheduling.max_running);
  supervisor = actors.spawn<Supervisor>(router, std::vector<MachineSpec>{std::move(machine)}, serving);
  view = actors.spawn<ClusterView>(supervisor);
  // Once the supervisor answers, its machines have joined the router: a first request finds them.
  caf::scoped_actor self{actors};
  self->request(supervisor, caf::infinite, QueryCluster{}).receive([](const ClusterState&) {}, [](caf::error&) {});
}

std::vector<ExtraRoute> Node::Parts::view_routes(const std::string& model_name) const {
  const auto show = [view = view](std::function<void(const ClusterState&)> with) {
    caf::anon_send(view, ShowCluster{std::move(with)});
  };
  ExtraRoute status;
  status.route = {"GET", kStatusPath, http::Scope::kInspect, false, std::nullopt};
  status.handler = [show, model_name, draining = draining](std::shared_ptr<http::Exchange> exchange) {
    show([exchange, model_name, draining](const ClusterState& cluster) {
      const NodeState node{kNodeName, model_name, *draining ? "draining" : "serving", static_cast<long>(::getpid())};
      exchange->respond(200, "application/json", status_json(node, cluster));
    });
  };
  ExtraRoute numbers;
  numbers.route = {"GET", kMetricsPath, http::Scope::kMetrics, false, std::nullopt};
  numbers.handler = [show, metrics = metrics](std::shared_ptr<http::Exchange> exchange) {
    show([exchange, metrics](const ClusterState& cluster) {
      exchange->respond(200, metrics::kExpositionContentType, metrics->exposition(cluster));
    });
  };
  ExtraRoute request;
  request.route = {"GET", kRequestPath, http::Scope::kInspect, false, std::nullopt};
  request.handler = [recorder = recorder](std::shared_ptr<http::Exchange> exchange) {
    const std::string id = exchange->request().parameter;
    caf::anon_send(recorder, ShowRequest{id, [exchange](const Result<std::vector<trace::RequestTrace>>& traces) {
                                           answer_trace(*exchange, traces);
                                         }});
  };
  return {std::move(status), std::move(numbers), std::move(request)};
}

GatewayOptions Node::Parts::gateway_options(const config::ServeConfig& config, openai::ServedModel model) {
  GatewayOptions result;
  result.extra_routes = view_routes(model.names.front());
  result.observer = NodeMetrics::observer(metrics, log);
  const RequestPeers peers{router, deadlines, model.tokenizer};
  result.model = std::make_shared<const openai::ServedModel>(std::move(model));
  result.limits = api_limits(config);
  result.start_request = [&system = actors, peers, recorder = recorder](std::shared_ptr<const RequestSpec> spec,
                                                                        RequesterActor requester) -> CancellableActor {
    caf::anon_send(recorder, RequestBegan{spec->id, spec->name});
    return system.spawn<Request>(std::move(spec), std::move(requester), peers);
  };
  // Ids start at a random place, so that those of a node that was started again are new.
  result.next_request_id = [next = std::make_shared<std::atomic<std::uint64_t>>(entropy64())] {
    return RequestId{next->fetch_add(1)};
  };
  result.unix_seconds = clock::unix_seconds;
  result.version = kVersion;
  result.ready = [serving = serving] { return *serving > 0; };
  result.own_thread_from_bytes = kOwnThreadFromBytes;
  result.request_timeout = config.scheduling.request_timeout;
  // What calls free lies between what others still hold, so that glibc of itself gives back only the heap's end.
  result.on_idle = [] { ::malloc_trim(0); };
  return result;
}

Result<void> Node::Parts::listen(const config::HttpSection& section) {
  const auto routes = http_routes(*options);
  TRY(server_settings, server_config(section, routes));
  server_settings.on_answer = [metrics = metrics, routes](int status, std::optional<std::size_t> route) {
    metrics->http_answered(status, route ? std::string_view{routes.at(*route).path} : std::string_view{});
  };
  TRY(started,
      http::Server::start(std::move(server_settings), [to = gateway](std::shared_ptr<http::Exchange> exchange) {
        caf::anon_send(to, HttpArrived{std::move(exchange)});
      }));
  server = std::move(started);
  const bool wildcard = section.address == "0.0.0.0" || section.address == "::";
  const std::string host = wildcard || section.address == "localhost" ? "127.0.0.1" : section.address;
  url = (section.tls.certificate.empty() ? "http://" : "https://") +
        (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(server->port());
  return {};
}

std::size_t Node::Parts::calls_under_way(caf::scoped_actor& self) const {
  std::size_t calls = 0;
  self->request(gateway, caf::infinite, QueryGateway{})
      .receive([&](const GatewayState& state) { calls = state.calls; }, [](caf::error&) {});
  return calls;
}

bool Node::Parts::at_rest(caf::scoped_actor& self) const {
  bool rest = true;
  const auto look = [&](const ClusterState& cluster) {
    for (const auto& machine : cluster.machines) {
      const auto load = load_of(machine);
      const auto free = machine.blocks.by_state[static_cast<std::size_t>(BlockState::kFree)];
      rest = rest && (!machine.alive || (load.running + load.waiting == 0 && free == machine.blocks.total));
    }
  };
  self->request(supervisor, caf::infinite, QueryCluster{}).receive(look, [](caf::error&) {});
  return rest;
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
  const auto& config = options.config;
  const auto tell = [&](std::string_view stage, double done) {
    if (options.progress) options.progress(stage, done);
  };
  TRY(policy, policies::make_routing_policy(config.scheduling.policy));
  tell("checkpoint", 0);
  TRY(checkpoint, model::Checkpoint::open(config.model.path));
  TRY(text, load_model_text(config.model.path));
  tell("checkpoint", 1);
  TRY(settings, device_options(config, checkpoint));
  TRY(device, device::CpuDevice::load(checkpoint, settings, [&](double done) { tell("weights", done); }));

  auto parts = std::make_unique<Parts>();
  parts->device = std::move(device);
  const auto& info = parts->device->info();
  auto model = served_model(config.model, checkpoint, std::move(text), info.kv.blocks * kernels::kBlockPositions);
  parts->banner = model.names.front() + " on " + info.name + ": weights " + model::written_bytes(info.weight_bytes) +
                  ", KV " + model::written_bytes(info.kv.slab_bytes()) + " in " + std::to_string(info.kv.blocks) +
                  " blocks, up to " + std::to_string(model.max_model_len) + " tokens a sequence";
  parts->log = std::make_shared<EventLog>(config.log);
  std::vector<std::string> paths = {kStatusPath, kMetricsPath, kRequestPath};
  for (const auto& route : http_routes(GatewayOptions{})) paths.push_back(route.path);
  parts->metrics = std::make_shared<NodeMetrics>(model.names.front(), std::move(paths));
  parts->start_actors(config, std::move(policy));
  parts->options = std::make_shared<const GatewayOptions>(parts->gateway_options(config, std::move(model)));
  parts->gateway = parts->actors.spawn<Gateway>(parts->options);
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
