#include "runtime/model/chat_template/budget.hpp"

#include <string>

namespace troupe::model::jinja {

Error Budget::out_of_steps() {
  exhausted_ = true;
  steps_left_ = 0;
  return {ErrorCode::kTooLarge, "the template takes more than " + std::to_string(limits_.steps) +
                                    " steps for this conversation; shorten the conversation or use another template"};
}

Error Budget::too_long(std::size_t size) {
  exhausted_ = true;
  return {ErrorCode::kTooLarge, "the template makes a text of " + std::to_string(size) + " bytes; the limit is " +
                                    std::to_string(limits_.output_bytes) + "; shorten the conversation"};
}

Result<void> Budget::nesting(int depth) const {
  if (depth <= limits_.nesting) return {};
  return Error{ErrorCode::kTooLarge,
               "data is nested more than " + std::to_string(limits_.nesting) + " deep; flatten it"};
}

}  // namespace troupe::model::jinja
