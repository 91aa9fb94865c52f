#include "runtime/link/ucx_facts.hpp"

#include <ucp/api/ucp.h>
#include <uct/api/uct.h>

#include <set>
#include <utility>

namespace troupe::link {
namespace {

using Transports = std::set<std::pair<std::string, std::string>>;

void add_transports_of(uct_component_h component, const char* domain, Transports& found) {
  uct_md_config_t* config = nullptr;
  if (uct_md_config_read(component, nullptr, nullptr, &config) != UCS_OK) return;
  uct_md_h memory = nullptr;
  const ucs_status_t opened = uct_md_open(component, domain, config, &memory);
  uct_config_release(config);
  if (opened != UCS_OK) return;  // hardware that the component is for and that this host lacks
  uct_tl_resource_desc_t* resources = nullptr;
  unsigned count = 0;
  if (uct_md_query_tl_resources(memory, &resources, &count) == UCS_OK) {
    for (unsigned i = 0; i < count; ++i) found.emplace(resources[i].tl_name, resources[i].dev_name);
    uct_release_tl_resource_list(resources);
  }
  uct_md_close(memory);
}

void add_transports_of(uct_component_h component, Transports& found) {
  uct_component_attr_t attributes{};
  attributes.field_mask = UCT_COMPONENT_ATTR_FIELD_MD_RESOURCE_COUNT;
  if (uct_component_query(component, &attributes) != UCS_OK || attributes.md_resource_count == 0) return;
  std::vector<uct_md_resource_desc_t> domains(attributes.md_resource_count);
  attributes.field_mask = UCT_COMPONENT_ATTR_FIELD_MD_RESOURCES;
  attributes.md_resources = domains.data();
  if (uct_component_query(component, &attributes) != UCS_OK) return;
  for (const auto& domain : domains) add_transports_of(component, domain.md_name, found);
}

}  // namespace

Result<UcxFacts> ucx_facts() {
  uct_component_h* components = nullptr;
  unsigned count = 0;
  if (const ucs_status_t status = uct_query_components(&components, &count); status != UCS_OK)
    return Error{ErrorCode::kUnavailable,
                 std::string("UCX cannot say which transports it has: ") + ucs_status_string(status)};
  Transports found;
  for (unsigned i = 0; i < count; ++i) add_transports_of(components[i], found);
  uct_release_component_list(components);
  UcxFacts facts;
  facts.version = ucp_get_version_string();
  for (const auto& [name, device] : found) facts.transports.push_back({name, device});
  return facts;
}

}  // namespace troupe::link
