// The data files that the program carries, so that it needs none beside it. Made by CMake from cluster_configs/.
#pragma once

#include <string_view>

namespace troupe::perf {

/// cluster_configs/hardware.yaml
extern const std::string_view kHardwareFile;
/// cluster_configs/profiles/splitwise.csv
extern const std::string_view kSplitwiseProfile;

}  // namespace troupe::perf
