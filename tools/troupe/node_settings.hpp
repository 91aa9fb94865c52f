// What a node's parts are told, from the configuration.
#pragma once

#include "actors/gateway/gateway_options.hpp"
#include "runtime/config/serve_config.hpp"
#include "runtime/device/cpu_device.hpp"
#include "runtime/http/server.hpp"
#include "runtime/model/checkpoint.hpp"
#include "tools/troupe/model_text.hpp"

namespace troupe {

/// Errors: kConfig for key files that cannot be used.
Result<http::ServerConfig> server_config(const config::HttpSection& section, std::vector<http::Route> routes);

openai::ApiLimits api_limits(const config::ServeConfig& config);

/// kUnsupported or kConfig where the configuration asks for an isa that this host lacks, or memory does not suffice.
Result<device::CpuDeviceOptions> device_options(const config::ServeConfig& config, const model::Checkpoint& checkpoint);

/// `max_sequence`: positions that one sequence may hold in KV memory.
openai::ServedModel served_model(const config::ModelSection& section, const model::Checkpoint& checkpoint,
                                 ModelText text, std::int64_t max_sequence);

}  // namespace troupe
