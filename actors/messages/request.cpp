#include "actors/messages/request.hpp"

#include <algorithm>

namespace troupe {

const char* to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "abort";
    case FinishReason::kError:
      return "error";
  }
  return "unknown";
}

Error numerical_fault(std::int32_t tokens) {
  return {ErrorCode::kInternal,
          "The model's output holds no finite value after " + std::to_string(tokens) +
              " tokens: the checkpoint is damaged, or its numbers overflow float32. Check it with `troupe check`."};
}

std::optional<FinishReason> reason_to_end(const RequestSpec& spec, std::int32_t index, TokenId token) {
  const auto& stops = spec.sampling->stop_tokens;
  if (!spec.ignore_eos && std::find(stops.begin(), stops.end(), token) != stops.end()) return FinishReason::kStop;
  if (index + 1 >= spec.max_tokens) return FinishReason::kLength;
  return std::nullopt;
}

}  // namespace troupe
