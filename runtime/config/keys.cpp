#include "runtime/config/keys.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "runtime/base/policy_names.hpp"

namespace troupe::config {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::uint64_t kTiB = 1024 * kGiB;
constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kHour = 3600 * kSecond;

template <class Member>
std::function<Slot(Draft&)> at(Member member) {
  return [member](Draft& draft) -> Slot { return &member(draft); };
}

template <class Member>
std::function<Slot(Draft&)> choice(Member member) {
  return [member](Draft& draft) -> Slot {
    auto* value = &member(draft);
    return ChoiceSlot{
        [value] { return static_cast<std::size_t>(*value); },
        [value](std::size_t index) { *value = static_cast<std::remove_pointer_t<decltype(value)>>(index); }};
  };
}

// A member of the draft, as a function from it. (A pointer to a member cannot reach into a section.)
#define AT(member) at([](Draft & draft) -> auto& { return draft.member; })
#define CHOICE(member) choice([](Draft & draft) -> auto& { return draft.member; })

Key text(std::string path, std::function<Slot(Draft&)> slot, std::string help) {
  return {.path = std::move(path), .help = std::move(help), .slot = std::move(slot), .choices = {}};
}

Key file(std::string path, std::function<Slot(Draft&)> slot, std::string help) {
  Key key = text(std::move(path), std::move(slot), std::move(help));
  key.is_path = true;
  return key;
}

Key words(std::string path, std::function<Slot(Draft&)> slot, std::uint64_t most, std::string help) {
  Key key = text(std::move(path), std::move(slot), std::move(help));
  key.most = most;
  return key;
}

Key one(std::string path, std::function<Slot(Draft&)> slot, std::vector<std::string> choices, std::string help) {
  Key key = text(std::move(path), std::move(slot), std::move(help));
  key.choices = std::move(choices);
  return key;
}

/// One of the choices, or a path to something that is not built in.
Key one_or_path(std::string path, std::function<Slot(Draft&)> slot, std::vector<std::string> choices,
                std::string help) {
  Key key = one(std::move(path), std::move(slot), std::move(choices), std::move(help));
  key.or_path = true;
  return key;
}

Key name(std::string path, std::function<Slot(Draft&)> slot, std::string help) {
  Key key = text(std::move(path), std::move(slot), std::move(help));
  key.is_name = true;
  key.required = true;
  return key;
}

Key required(Key key) {
  key.required = true;
  return key;
}

struct Range {
  std::uint64_t least;
  std::uint64_t most;
};

Key number(std::string path, std::function<Slot(Draft&)> slot, Range range, std::string help) {
  Key key = text(std::move(path), std::move(slot), std::move(help));
  key.least = range.least;
  key.most = range.most;
  return key;
}

Key number_or_auto(std::string path, std::function<Slot(Draft&)> slot, Range range, std::string help) {
  Key key = number(std::move(path), std::move(slot), range, std::move(help));
  key.zero_is_auto = true;
  return key;
}

Key bytes(std::string path, std::function<Slot(Draft&)> slot, Range range, std::string help) {
  Key key = number(std::move(path), std::move(slot), range, std::move(help));
  key.unit = Unit::kBytes;
  return key;
}

Key bytes_or_auto(std::string path, std::function<Slot(Draft&)> slot, Range range, std::string help) {
  Key key = bytes(std::move(path), std::move(slot), range, std::move(help));
  key.zero_is_auto = true;
  return key;
}

Table http_keys() {
  return {
      text("http.address", AT(serve.http.address),
           "Address to listen on. One that is not loopback needs api keys and tls, or allow_insecure."),
      number("http.port", AT(serve.http.port), {0, 65535}, "TCP port; 0 takes any free one."),
      number("http.api_keys", AT(serve.http.api_keys), {0, 1024},
             "Keys that may call, each {name, sha256, scopes}: sha256 is `printf %s KEY | sha256sum`, scopes are of "
             "metrics, infer, "
             "admin, inspect. Without keys every route is open to whoever can connect."),
      file("http.api_key_file", AT(serve.http.api_key_file),
           "File of keys, mode 0600, one a line: SHA256 SCOPE[,SCOPE...] [NAME]."),
      file("http.tls.certificate", AT(serve.http.tls.certificate),
           "PEM file with the server's certificate chain. Goes with http.tls.key."),
      file("http.tls.key", AT(serve.http.tls.key),
           "PEM file with the certificate's private key, not readable by others."),
      one("http.allow_insecure", AT(serve.http.allow_insecure), {},
          "Serve an address that is not loopback without api keys or without TLS. For isolated networks only."),
      words("http.cors_origins", AT(serve.http.cors_origins), 64,
            "Browser origins that may call, as https://host[:port], or \"*\"."),
      bytes("http.limits.header_bytes", AT(serve.http.limits.header_bytes), {kKiB, kMiB},
            "Size of a request's head [431]."),
      number("http.limits.header_fields", AT(serve.http.limits.header_fields), {8, 1000},
             "Header fields of a request [431]."),
      bytes("http.limits.body_bytes", AT(serve.http.limits.body_bytes), {kKiB, kGiB},
            "Size of a request's body [413]."),
      bytes("http.limits.chat_body_bytes", AT(serve.http.limits.chat_body_bytes), {kKiB, kGiB},
            "Size of the body of a chat completion or tokenize call [413]."),
      bytes("http.limits.total_body_bytes", AT(serve.http.limits.total_body_bytes), {kKiB, kTiB},
            "All bodies held at once [503]."),
      number("http.limits.connections", AT(serve.http.limits.connections), {1, 1'000'000},
             "Connections at once [503]."),
      number("http.limits.connections_per_peer", AT(serve.http.limits.connections_per_peer), {1, 1'000'000},
             "Connections of one IPv4 address or IPv6 /64 [503]."),
      bytes("http.limits.queued_bytes", AT(serve.http.limits.queued_bytes), {4 * kKiB, kGiB},
            "Bytes of one stream that its client has not taken yet; past it the stream is cut."),
      number("http.limits.header_timeout", AT(serve.http.limits.header_timeout), {10, kHour},
             "For a request's head to arrive [408]."),
      number("http.limits.body_timeout", AT(serve.http.limits.body_timeout), {10, kHour},
             "For a body to arrive, prolonged while it comes at 1 KiB/s or more [408]."),
      number("http.limits.write_timeout", AT(serve.http.limits.write_timeout), {10, kHour},
             "A client that takes no byte of its answer for so long is cut."),
      number("http.limits.idle_timeout", AT(serve.http.limits.idle_timeout), {10, kHour},
             "A connection between two requests."),
      number("http.limits.stream_ping", AT(serve.http.limits.stream_ping), {0, kHour},
             "Silence of a stream before a comment line keeps it alive; 0s: never."),
  };
}

Table all_keys() {
  Table table = {
      file("model.path", AT(serve.model.path),
           "Directory of a Hugging Face checkpoint: config.json, *.safetensors, tokenizer.json. Required."),
      words("model.names", AT(serve.model.names), 16, "Names the model is served under; none: the directory's name."),
  };
  for (Key& key : http_keys()) table.push_back(std::move(key));
  for (Key& key : std::vector<Key>{
           one("device.kind", CHOICE(serve.device.kind), {"cpu"}, "What computes."),
           number_or_auto("device.threads", AT(serve.device.threads), {1, 1024},
                          "Threads that compute; auto: one for each core."),
           bytes_or_auto("device.kv_memory", AT(serve.device.kv_memory), {kMiB, 1024 * kTiB},
                         "Memory for KV blocks; auto: what the host has free beside the weights, within reason."),
           one("device.isa", CHOICE(serve.device.isa), {"auto", "avx2", "avx512", "reference"},
               "Instructions that kernels use; auto: the widest this host has. All give the same bits."),
           one_or_path("scheduling.policy", AT(serve.scheduling.policy), routing_policy_names(),
                       "How requests are given to machines; docs/policies.md tells how to write another one."),
           number("scheduling.seed", AT(serve.scheduling.seed), {0, std::numeric_limits<std::int64_t>::max()},
                  "From which the policies draw that draw lots."),
           number("scheduling.max_batch_tokens", AT(serve.scheduling.max_batch_tokens), {16, 1'048'576},
                  "Prompt tokens of one step."),
           number("scheduling.prompt_tokens_beside_decodes", AT(serve.scheduling.prompt_tokens_beside_decodes),
                  {1, 1'048'576}, "Prompt tokens of a step while sequences decode: bounds how long a decode waits."),
           number("scheduling.max_running", AT(serve.scheduling.max_running), {1, 65'536},
                  "Sequences that hold KV blocks at once: prompts under way and decodes."),
           number("scheduling.max_waiting", AT(serve.scheduling.max_waiting), {0, 1'048'576},
                  "Requests that wait for a place; one more is refused [429]."),
           number("scheduling.request_timeout", AT(serve.scheduling.request_timeout), {100, 24 * kHour},
                  "Life of a request from its arrival on."),
           one_or_path("scheduling.prompt_batching", AT(serve.scheduling.prompt_batching), prompt_batch_policy_names(),
                       "Which prompts a machine runs next."),
           one_or_path("scheduling.token_batching", AT(serve.scheduling.token_batching), token_batch_policy_names(),
                       "Which sequence of a machine loses its KV blocks when there are no more."),
           one_or_path("scheduling.admission", AT(serve.scheduling.admission), admission_policy_names(),
                       "Which waiting request of a machine gets KV blocks next, and whether one is refused [429]."),
           number("slo.ttft", AT(serve.slo.ttft), {1, 24 * kHour},
                  "Objective: from a request's arrival to its first token. What slo_aware and shed_late keep to."),
           number("slo.ttft_slowdown", AT(serve.slo.ttft_slowdown), {1, 1000},
                  "Objective for prompts that take long alone: so many times that, where this is more than slo.ttft."),
           number("slo.tbt", AT(serve.slo.tbt), {1, kHour},
                  "Objective: from one token of a request to the next, on the mean."),
           number("api.max_n", AT(serve.api.max_n), {1, 128}, "Completions of one call (n, best_of) [400]."),
           number_or_auto("api.max_prompt_tokens", AT(serve.api.max_prompt_tokens), {1, 100'000'000},
                          "Tokens of a prompt [400]; auto: what the model's context holds."),
           number_or_auto("api.max_completion_tokens", AT(serve.api.max_completion_tokens), {1, 100'000'000},
                          "Tokens of a completion [400]; auto: what the model's context holds."),
           number("api.max_prompts", AT(serve.api.max_prompts), {1, 4096},
                  "Prompts of one /v1/completions call [400]."),
           number("api.max_stop_strings", AT(serve.api.max_stop_strings), {0, 64}, "Stop strings of a call [400]."),
           number("api.max_stop_bytes", AT(serve.api.max_stop_bytes), {1, 4096}, "Bytes of one stop string [400]."),
           number("api.max_logit_bias", AT(serve.api.max_logit_bias), {0, 65'536}, "Entries of logit_bias [400]."),
           number("api.max_json_depth", AT(serve.api.max_json_depth), {4, 256}, "Nesting of a JSON body [400]."),
           number("shutdown.drain_timeout", AT(serve.shutdown.drain_timeout), {0, 24 * kHour},
                  "After SIGTERM, how long admitted requests may go on; what is left then is cut and the exit code is "
                  "75."),
           one("trace.enabled", AT(serve.trace.enabled), {},
               "Record messages between actors, for `troupe request ID`."),
           number("trace.ring_size", AT(serve.trace.ring_size), {1024, 16'777'216}, "Message records kept."),
           one("log.level", CHOICE(serve.log.level), {"debug", "info", "warning", "error"},
               "Least level that is written."),
           one("log.format", CHOICE(serve.log.format), {"auto", "text", "json"},
               "auto: text on a terminal, one JSON object a line elsewhere."),
       }) {
    table.push_back(std::move(key));
  }
  return table;
}

/// The keys of the serve table whose paths start with one of the prefixes.
void append(Table& table, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes) {
    for (const Key& key : keys()) {
      if (key.path.starts_with(prefix)) table.push_back(key);
    }
  }
}

/// What moves requests and machines between the pools.
Table pool_keys() {
  return {
      number("splitwise.overflow_prompt_tokens", AT(splitwise.overflow_prompt_tokens), {1, 100'000'000},
             "Prompt tokens pending on a machine past which prompts go to the mixed pool, then to a machine of the "
             "token pool."),
      number("splitwise.kv_reserve_percent", AT(splitwise.kv_reserve_percent), {0, 90},
             "Share of a machine's KV that is kept free for the tokens of what it has: a machine where a request would "
             "cut into it is passed over while another one has room."),
      one("splitwise.split", CHOICE(splitwise.split), {"always", "when_it_pays"},
          "Whether the two phases of a request go to two machines always, or only where that costs less than holding "
          "up "
          "the sequences of the token machine."),
      one_or_path(
          "roles.policy", AT(roles.policy), role_policy_names(),
          "How machines get their roles; fixed: as configured or set by hand, by_load: a pool that has too much to do "
          "gets a machine for a time."),
      number("roles.high_percent", AT(roles.high_percent), {1, 1000},
             "Load over which a pool gets a machine. 100: splitwise.overflow_prompt_tokens pending on each of its "
             "machines, or all of their KV taken."),
      number("roles.low_percent", AT(roles.low_percent), {0, 999},
             "Load under which a pool gives a machine back: less than roles.high_percent."),
      number("roles.hold", AT(roles.hold), {100, kHour}, "How long a pool's load must be so before a machine moves."),
      number("roles.settle", AT(roles.settle), {100, 24 * kHour},
             "Between two changes of roles, and between two of one machine, at least."),
      number("roles.interval", AT(roles.interval), {50, kHour}, "How often the load is looked at: at most roles.hold."),
  };
}

Table all_cluster_keys() {
  Table table = {name("cluster", AT(cluster), "The cluster's name: 1 to 64 of a-z, 0-9 and -.")};
  append(table, {"model.", "scheduling.", "slo.", "api."});
  table.push_back(file("tls.ca", AT(tls.ca),
                       "PEM file of the cluster's CA. With all three, control connections have mutual TLS, which nodes "
                       "on several hosts need; `troupe certs` makes the files."));
  table.push_back(file("tls.certificate", AT(tls.certificate),
                       "PEM file of the node's certificate; {name} in it stands for the node's name."));
  table.push_back(file("tls.key", AT(tls.key),
                       "PEM file of that certificate's private key, not readable by others; {name} as above."));
  table.push_back(
      one("link.transport", CHOICE(link.transport), {"auto", "shared_memory", "tcp"},
          "How KV blocks go from machine to machine; auto: shared memory within a host, TCP between hosts."));
  table.push_back(one("link.checksums", AT(link.checksums), {},
                      "Compare every KV block that arrives with the hash that its sender took."));
  table.push_back(number("link.layer_groups", AT(link.layer_groups), {1, 256},
                         "In how many groups of layers a long prompt's KV travels while the next ones are computed; 1: "
                         "in one go, when the prompt has run."));
  table.push_back(
      number("failure.heartbeat", AT(failure.heartbeat), {10, 60 * kSecond}, "How often a node says that it lives."));
  table.push_back(number("failure.silence", AT(failure.silence), {30, kHour},
                         "How long a silent node is believed alive: at least three times failure.heartbeat."));
  for (Key& key : pool_keys()) table.push_back(std::move(key));
  append(table, {"shutdown.", "trace.", "log."});
  return table;
}

Table all_node_keys() {
  Table table = {
      name("name", AT(node.name), "The node's name, of its own in the cluster: 1 to 64 of a-z, 0-9 and -."),
      text("address", AT(node.address),
           "IP address where the node's control port listens and other nodes reach it, and its KV connections where "
           "`tls` is given. One that is not loopback needs `tls`."),
      required(number("control_port", AT(node.control_port), {1, 65535}, "TCP port for messages between nodes.")),
      one("router", AT(node.router), {},
          "Whether this node can assign requests to machines. One node does at a time; the others with router: true "
          "stand by "
          "and take over when it is gone."),
  };
  append(table, {"http."});
  return table;
}

Table all_machine_keys() {
  Table table = {
      name("name", AT(machine.name), "The machine's name, of its own in the cluster: 1 to 64 of a-z, 0-9 and -."),
      required(one("role", CHOICE(machine.role), {"prompt", "token", "mixed"},
                   "What it computes: prompts, tokens after the first, or both.")),
  };
  append(table, {"device."});
  return table;
}

#undef AT
#undef CHOICE

}  // namespace

const Table& keys() {
  static const Table table = all_keys();
  return table;
}

const Table& cluster_keys() {
  static const Table table = all_cluster_keys();
  return table;
}

const Table& node_keys() {
  static const Table table = all_node_keys();
  return table;
}

const Table& machine_keys() {
  static const Table table = all_machine_keys();
  return table;
}

const Key* find_key(const Table& table, const std::string& path) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Key& key) { return key.path == path; });
  return found == table.end() ? nullptr : &*found;
}

const Key* find_key(const std::string& path) { return find_key(keys(), path); }

std::string environment_name(const std::string& path) {
  std::string name = "TROUPE_";
  for (const char c : path) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

}  // namespace troupe::config
