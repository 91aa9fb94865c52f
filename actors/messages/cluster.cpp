#include "actors/messages/cluster.hpp"

namespace troupe {

Error no_such_machine(const std::string& name, const std::vector<std::string>& there) {
  constexpr std::size_t kMostNamed = 32;
  std::string text = "There is no machine \"" + name + "\" here. ";
  if (there.empty()) return {ErrorCode::kMissingInput, text + "No machine is connected; see `troupe status`."};
  text += "There is ";
  for (std::size_t i = 0; i < there.size() && i < kMostNamed; ++i) text += (i > 0 ? ", " : "") + there[i];
  return {ErrorCode::kMissingInput, text + (there.size() > kMostNamed ? ", ... See `troupe status`." : ".")};
}

}  // namespace troupe
