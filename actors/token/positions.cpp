#include "actors/token/positions.hpp"

namespace troupe {

device::StepSequence next_step_of(const AdmitRequest& what, const std::vector<BlockLife>& blocks) {
  const auto& spec = *what.spec;
  device::StepSequence sequence;
  sequence.request = spec.id;
  sequence.tokens = {what.generated.back()};
  sequence.first_position = known_tokens(what) - 1;
  sequence.sampling = spec.sampling;
  sequence.sample = true;
  sequence.generated = static_cast<std::int32_t>(what.generated.size());
  sequence.blocks.reserve(blocks.size());
  for (const auto& life : blocks) sequence.blocks.push_back(life.block);
  if (spec.sampling->params.needs_history()) {
    sequence.history = spec.prompt;
    sequence.history.insert(sequence.history.end(), what.generated.begin(), what.generated.end());
    sequence.history_prompt_tokens = static_cast<std::int32_t>(spec.prompt.size());
  }
  return sequence;
}

}  // namespace troupe
