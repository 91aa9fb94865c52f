// `troupe certs`: a cluster's CA and its nodes' certificates.
#include <iostream>

#include <CLI/CLI.hpp>

#include "runtime/config/cluster_config.hpp"
#include "runtime/control/certificates.hpp"
#include "tools/troupe/commands.hpp"
#include "tools/troupe/exit_codes.hpp"

namespace troupe {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  troupe certs certs --config cluster_configs/two_hosts.yaml   # for every node of the file\n"
    "  troupe certs certs --node prompt0 --node token0              # for these nodes\n"
    "\n"
    "Run it again for nodes that were added: what is there is kept. Whoever has ca.key can let nodes into the "
    "cluster;\n"
    "it is needed here only.";

struct CertsFlags {
  std::string directory;
  std::string config;
  std::vector<std::string> nodes;
};

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

Result<std::vector<std::string>> names_for(const CertsFlags& flags) {
  std::vector<std::string> names = flags.nodes;
  for (const std::string& name : names) {
    if (is_name(name)) continue;
    return Error{ErrorCode::kInvalidInput,
                 "--node \"" + name + "\" is no node's name: 1 to 64 of a-z, 0-9 and - were expected."};
  }
  if (!flags.config.empty()) {
    TRY(loaded, config::load_cluster(config::cluster_sources(flags.config, "", "")));
    for (const auto& node : loaded.config.nodes) names.push_back(node.name);
  }
  if (names.empty())
    return Error{ErrorCode::kInvalidInput, "For which nodes? Give --config FILE, --node NAME, or both."};
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

int make(const CertsFlags& flags) {
  const auto names = names_for(flags);
  if (!names.ok()) return fail(names.error());
  const auto made = control::make_certificates(flags.directory, *names);
  if (!made.ok()) return fail(made.error());
  const std::string& in = flags.directory;
  std::cout << (made->ca ? "A new CA: " : "The CA that was there: ") << in << "/ca.pem, its key " << in << "/ca.key\n";
  if (!made->made.empty()) std::cout << "Made for: " << listed(made->made) << "\n";
  if (!made->kept.empty()) std::cout << "Kept, as they are there: " << listed(made->kept) << "\n";
  std::cout << "Copy ca.pem, NAME.pem and NAME.key to the host of node NAME, and name them in the cluster's file:\n"
            << "  tls: {ca: " << in << "/ca.pem, certificate: \"" << in << "/{name}.pem\", key: \"" << in
            << "/{name}.key\"}\n"
            << "NAME.key is for that node's user alone. ca.key stays here: whoever has it can let nodes in.\n";
  return kExitOk;
}

}  // namespace

void add_certs(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("certs", "Make a cluster's CA and its nodes' certificates, for `tls`.");
  command->footer(kExamples);
  auto flags = std::make_shared<CertsFlags>();
  command->add_option("DIR", flags->directory, "Where the files are, or shall be.")->required()->type_name("");
  command->add_option("--config", flags->config, "A cluster's file: for all its nodes.")->type_name("FILE");
  command->add_option("--node", flags->nodes, "For this node; may be given several times.")->type_name("NAME");
  command->callback([flags, &chosen] { chosen = [flags] { return make(*flags); }; });
}

}  // namespace troupe
