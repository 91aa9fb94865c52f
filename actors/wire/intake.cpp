#include "actors/wire/intake.hpp"

#include <cmath>
#include <limits>

#include "runtime/base/utf8.hpp"

namespace troupe::wire {
namespace {

std::string shown(Range range) {
  if (range.most == std::numeric_limits<std::int64_t>::max()) return "at least " + std::to_string(range.least);
  return std::to_string(range.least) + " to " + std::to_string(range.most);
}

}  // namespace

Error refused_frame(ErrorCode code, const std::string& what) {
  return {code, "A control message from another node is refused: " + what +
                    " Run the same build of Troupe on every node, and let nothing but Troupe's nodes reach their "
                    "control ports."};
}

void Intake::refuse(const char* field, const std::string& problem, ErrorCode code) {
  if (refusal_) return;
  std::string where;
  for (const auto& step : path_) {
    where += step.field;
    if (step.index >= 0) where += '[' + std::to_string(step.index) + ']';
    where += '.';
  }
  refusal_ = refused_frame(code, std::string(message_) + ": " + where + field + ' ' + problem + '.');
}

void Intake::present(bool has_body) {
  if (!has_body) refuse("body", "is missing");
}

void Intake::unknown_kind(unsigned number) {
  refuse("kind",
         "is number " + std::to_string(number) + ", which this build does not know: the two nodes' builds differ",
         ErrorCode::kUnsupported);
}

void Intake::out_of_range(const char* field, std::int64_t value, Range range) {
  refuse(field, "is " + std::to_string(value) + "; expected " + shown(range));
}

float Intake::real(const char* field, float value, float least, float most) {
  if (value >= least && value <= most) return value;  // false for NaN
  refuse(field, "is " + std::to_string(value) + "; expected " + std::to_string(least) + " to " + std::to_string(most));
  return least;
}

float Intake::finite(const char* field, float value) {
  if (std::isfinite(value)) return value;
  refuse(field, "is no finite number");
  return 0;
}

float Intake::logprob(const char* field, float value) {
  if (std::isfinite(value) || value == -std::numeric_limits<float>::infinity()) return value;
  refuse(field, "is neither a finite number nor minus infinity");
  return 0;
}

std::string Intake::text(const char* field, capnp::Text::Reader value, std::size_t most) {
  if (value.size() > most) {
    refuse(field, "has " + std::to_string(value.size()) + " bytes; expected at most " + std::to_string(most));
    return {};
  }
  std::string text(value.begin(), value.size());
  if (is_valid_utf8(text)) return text;
  refuse(field, "is not UTF-8");
  return {};
}

std::string Intake::bytes(const char* field, capnp::Data::Reader value, std::size_t most) {
  if (value.size() <= most) return {value.begin(), value.end()};
  refuse(field, "has " + std::to_string(value.size()) + " bytes; expected at most " + std::to_string(most));
  return {};
}

unsigned Intake::length(const char* field, std::size_t size, Range range) {
  const auto count = static_cast<std::int64_t>(size);
  if (count >= range.least && count <= range.most) return static_cast<unsigned>(size);
  refuse(field, "has " + std::to_string(size) + " entries; expected " + shown(range));
  return 0;
}

std::vector<TokenId> Intake::tokens(const char* field, capnp::List<std::int32_t>::Reader list, Range count) {
  const auto size = length(field, list.size(), count);
  std::vector<TokenId> tokens(size);
  for (unsigned i = 0; i < size; ++i) {
    tokens[i] = list[i];
    if (tokens[i] >= 0) continue;
    refuse(field, "holds " + std::to_string(tokens[i]) + " at " + std::to_string(i) + "; token ids begin at 0");
    return {};
  }
  return tokens;
}

}  // namespace troupe::wire
