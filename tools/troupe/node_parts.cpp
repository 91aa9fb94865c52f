#include "tools/troupe/node_parts.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <malloc.h>
#include <unistd.h>
#include <caf/send.hpp>

#include "actors/dispatcher/dispatcher.hpp"
#include "actors/messages/trace_table.hpp"
#include "actors/neighbours/middleman.hpp"
#include "actors/neighbours/neighbours.hpp"
#include "actors/policies/library_failures.hpp"
#include "actors/request/deadlines.hpp"
#include "actors/request/request.hpp"
#include "actors/router/policy_actor.hpp"
#include "actors/router/router.hpp"
#include "runtime/base/random.hpp"
#include "runtime/clock/wall_clock.hpp"
#include "runtime/control/caf_port.hpp"
#include "runtime/link/copy_link.hpp"
#include "runtime/link/tcp_device.hpp"
#include "runtime/link/ucx_link.hpp"
#include "runtime/model/fingerprint.hpp"
#include "runtime/model/memory_plan.hpp"
#include "tools/settings/settings.hpp"
#include "tools/troupe/exit_codes.hpp"
#include "tools/troupe/node_pools.hpp"
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

std::unique_ptr<exec::NodeConfig> actor_config_for(const NodeOptions& options) {
  if (options.cluster) return std::make_unique<ClusterActorsConfig>();
  return std::make_unique<exec::NodeConfig>();
}

}  // namespace

void pause(caf::scoped_actor& self, std::chrono::milliseconds time) {
  self->receive(caf::after(time) >> [] {});
}

Node::Parts::Parts(const NodeOptions& node)
    : name(node.cluster ? node.cluster->config.nodes.at(node.cluster->node).name : "local"),
      log(std::make_shared<EventLog>(node.config.log)),
      actor_config(actor_config_for(node)),
      actors(*actor_config) {
  register_traced_messages();
  policies::tell_library_failures([log = log](const policies::LibraryFailure& failure) {
    log->write(config::LogLevel::kWarning, "policy_failed",
               {{"policy", failure.policy}, {"kind", failure.kind}, {"why", failure.what}});
  });
  if (node.config.trace.enabled) {
    flight = std::make_unique<trace::FlightRecorder>(node.config.trace.ring_size);
    trace::install(flight.get());
  }
}

Node::Parts::~Parts() {
  *ending = true;
  server.reset();  // cuts what is left; its calls give their requests up
  {
    caf::scoped_actor self{actors};
    const auto deadline = clock::steady_now() + kEndTimeout;
    while (gateway && calls_under_way(self) > 0 && clock::steady_now() < deadline) pause(self, kPoll);
    // A call ends before its requests do: those wait until a machine has let go of them, which a step may hold up.
    // What other nodes asked for goes on elsewhere.
    while (gateway && supervisor && !neighbours && !at_rest(self) && clock::steady_now() < deadline) pause(self, kPoll);
    for (const auto& actor : {caf::actor_cast<caf::actor>(watch), caf::actor_cast<caf::actor>(gateway),
                              caf::actor_cast<caf::actor>(view), caf::actor_cast<caf::actor>(balancer),
                              caf::actor_cast<caf::actor>(neighbours), caf::actor_cast<caf::actor>(supervisor),
                              caf::actor_cast<caf::actor>(dispatcher), caf::actor_cast<caf::actor>(router),
                              caf::actor_cast<caf::actor>(deadlines), caf::actor_cast<caf::actor>(recorder)})
      if (actor) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    watch = nullptr;
    gateway = nullptr;
    view = nullptr;
    balancer = nullptr;
    neighbours = nullptr;
    supervisor = nullptr;
    dispatcher = nullptr;
    router = nullptr;
    deadlines = nullptr;
    recorder = nullptr;
    options.reset();
    while (actors.registry().running() > 1 && clock::steady_now() < deadline) pause(self, kPoll);  // 1: self
  }
  // An actor that did not end in that time would hold the process up for ever.
  actors.await_actors_before_shutdown(false);
  near.reset();
  link.reset();      // nothing writes the slabs any more
  machines.clear();  // waits for a running step
  policies::tell_library_failures(nullptr);
  trace::install(nullptr);
}

Result<void> Node::Parts::load_machine(const config::ServeConfig& config, const model::Checkpoint& checkpoint,
                                       MachineSpec spec, const std::function<void(double)>& progress) {
  TRY(settings, device_options(config, checkpoint));
  if (link) settings.layer_groups = layer_groups;
  TRY(device, device::CpuDevice::load(checkpoint, settings, progress));
  spec.device = std::move(device);
  TRY_VOID(tell_how_to_plan(spec, config));
  const auto& info = spec.device->info();
  if (link) spec.slab = link->add_slab(spec.device->kv_slab(), info.kv);
  banner += (banner.empty() ? "" : "\n") + spec.name + " on " + info.name + ": weights " +
            model::written_bytes(info.weight_bytes) + ", KV " + model::written_bytes(info.kv.slab_bytes()) + " in " +
            std::to_string(info.kv.blocks) + " blocks";
  machines.push_back(std::move(spec));
  return {};
}

Result<void> Node::Parts::start_link(const config::LinkSection& section, const std::string& address) {
  link::UcxOptions settings;
  TRY(device, link::tcp_device_of(address));
  settings.tcp_device = device;
  settings.shared_memory = section.transport != config::LinkTransport::kTcp;
  settings.checksums = section.checksums;
  layer_groups = static_cast<std::int32_t>(section.layer_groups);
  TRY(started, link::start_ucx_link(settings));
  link = std::move(started);
  return {};
}

Result<void> Node::Parts::start_actors(const NodeOptions& node, const model::Checkpoint& checkpoint) {
  const auto& scheduling = node.config.scheduling;
  recorder = actors.spawn<Recorder>(flight.get());
  const auto* const section = node.cluster ? &node.cluster->config.nodes.at(node.cluster->node) : nullptr;
  const bool routes = section == nullptr || section->router;
  const bool calls = section == nullptr || section->http;
  if (routes) {
    const auto settings = node.cluster ? routing_settings(node.cluster->config) : routing_settings(node.config);
    TRY(policy, policies::make_routing_policy(scheduling.policy, settings));
    const RoutingPolicyActor host =
        actors.spawn<RoutingPolicyHost>(std::shared_ptr<policies::RoutingPolicy>(std::move(policy)));
    router = actors.spawn<Router>(router_limits(node.config), host);
  }
  if (calls) deadlines = actors.spawn<Deadlines>();
  if (calls && node.cluster) dispatcher = actors.spawn<Dispatcher>();
  if (node.cluster) TRY_VOID(start_neighbours(*node.cluster, checkpoint));
  if (node.cluster && router) {
    TRY(started, start_balancer(actors, node.cluster->config, router, neighbours, log));
    balancer = std::move(started);
  }
  if (machines.size() > 1) near = link::start_copy_link();
  const NodeId here{static_cast<std::uint32_t>(node.cluster ? node.cluster->node : 0)};
  // One that takes calls for other nodes' machines, or routes to them, goes on without its own.
  const auto when_empty = neighbours && (routes || calls) ? WhenEmpty::kStay : WhenEmpty::kEnd;
  if (!machines.empty()) {
    if (neighbours) {
      supervisor = actors.spawn<Supervisor>(neighbours, machines, nullptr, NearWay{near, here, router}, when_empty);
    } else {
      supervisor = actors.spawn<Supervisor>(router, machines, serving, NearWay{near, here, router}, when_empty);
    }
  }
  view = actors.spawn<ClusterView>(cluster());
  // Once this is answered, the node's machines have joined the router: a first request finds them.
  caf::scoped_actor self{actors};
  self->request(cluster(), caf::infinite, QueryCluster{}).receive([](const ClusterState&) {}, [](caf::error&) {});
  watch_actors();
  return {};
}

void Node::Parts::watch_actors() {
  // A process that has lost one of these looks alive and answers nobody: it is better started again.
  watch = actors.spawn<NodeWatch>([log = log, ending = ending](const std::string& actor, const std::string& why) {
    if (*ending) return;
    log->write(config::LogLevel::kError, "node_failed", {{"actor", actor}, {"why", why}});
    std::_Exit(kExitInternal);
  });
  const auto vital = [this](const char* what, const auto& actor) {
    if (actor) caf::anon_send(watch, WatchVital{what, actor.address()});
  };
  vital("router", router);
  vital("deadlines", deadlines);
  vital("dispatcher", dispatcher);
  vital("neighbours", neighbours);
  vital("balancer", balancer);
  vital("supervisor", supervisor);
  vital("view", view);
  vital("recorder", recorder);
}

Result<void> Node::Parts::start_neighbours(const ClusterPlace& place, const model::Checkpoint& checkpoint) {
  NeighboursOptions settings;
  settings.cluster = place.config.name;
  settings.build = kVersion;
  settings.self = NodeId{static_cast<std::uint32_t>(place.node)};
  std::vector<ControlAddress> addresses;
  for (const auto& node : place.config.nodes) {
    settings.nodes.push_back(node.name);
    addresses.push_back({node.name, {node.address, node.control_port}});
  }
  const auto own = addresses.at(place.node);
  settings.model = model::fingerprint(checkpoint);
  settings.incarnation = entropy64();
  settings.pid = static_cast<std::uint32_t>(::getpid());
  settings.heartbeat = place.config.failure.heartbeat;
  settings.silence = place.config.failure.silence;
  settings.first_epoch = static_cast<std::uint64_t>(clock::unix_seconds()) << 20;
  settings.draw = entropy64;
  settings.router = router;
  settings.dispatcher = dispatcher;
  for (const std::size_t each : place.config.routers())
    settings.routers.push_back(NodeId{static_cast<std::uint32_t>(each)});
  settings.recorder = recorder;
  settings.link = link;
  control::GateOptions gate;
  if (const auto& tls = place.config.tls; tls.given()) {
    const auto own = tls.of(settings.nodes.at(place.node));
    TRY(context, control::TlsContext::load({own.ca, own.certificate, own.key}, settings.nodes));
    gate.tls = std::move(context);
  }
  gate.refusals = std::make_shared<control::Refusals>([log = log](const control::Refusal& refusal) {
    nlohmann::ordered_json fields{{"peer", refusal.peer}, {"why", refusal.why}};
    if (refusal.untold > 0) fields["untold_before"] = refusal.untold;
    log->write(config::LogLevel::kWarning, "control_connection_refused", fields);
  });
  control = std::make_shared<control::CafPort>(actors, std::move(gate));
  settings.dialler = middleman_dialler(control, std::move(addresses));
  settings.serving = serving;
  settings.tell = [log = log](const std::string& event, const std::string& node, const std::string& why) {
    const auto level = event == "joined" || event == "routes" ? config::LogLevel::kInfo : config::LogLevel::kWarning;
    log->write(level, "node_" + event, {{"node", node}, {"why", why}});
  };
  neighbours = actors.spawn<Neighbours>(std::move(settings));
  return publish(*control, neighbours, own);
}

SupervisorActor Node::Parts::cluster() const { return neighbours ? SupervisorActor{neighbours} : supervisor; }

void Node::Parts::start_gateway(const config::ServeConfig& config, openai::ServedModel model) {
  auto paths = view_paths();
  for (const auto& route : http_routes(GatewayOptions{})) paths.push_back(route.path);
  metrics = std::make_shared<NodeMetrics>(model.names.front(), std::move(paths));
  GatewayOptions result;
  result.extra_routes = view_routes(*this, model.names.front());
  result.observer = NodeMetrics::observer(metrics, log);
  const RequestPeers peers{dispatcher ? RouteDeskActor{dispatcher} : RouteDeskActor{router}, deadlines,
                           model.tokenizer};
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
  options = std::make_shared<const GatewayOptions>(std::move(result));
  gateway = actors.spawn<Gateway>(options);
  caf::anon_send(watch, WatchVital{"gateway", gateway.address()});
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

}  // namespace troupe
