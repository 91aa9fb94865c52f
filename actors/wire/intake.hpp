// Checked reading of one control message: each function gives the value, or remembers that it was out of bounds and
// gives a harmless one, so that a reader reads on without asking. Only the first refusal is kept. Whoever uses what was
// read asks refusal() first.
#pragma once

#include <capnp/blob.h>
#include <capnp/list.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

namespace troupe::wire {

/// Least and most, both allowed.
struct Range {
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

/// For one thread and one message. Field names are literals: they are kept as pointers.
class Intake {
 public:
  /// While it lives, refusals name the field as part of this one: "spec.sampling.top_p", "news[3].index".
  class Scope {
   public:
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { in_.path_.pop_back(); }

   private:
    friend class Intake;
    explicit Scope(Intake& in) : in_(in) {}
    Intake& in_;
  };

  explicit Intake(const char* message) : message_(message) {}

  [[nodiscard]] Scope enter(const char* field) { return enter_at(field, -1); }
  [[nodiscard]] Scope enter(const char* field, std::size_t index) {
    return enter_at(field, static_cast<std::int64_t>(index));
  }

  /// `problem` follows the field's name: "is 7; expected 0 to 3".
  void refuse(const char* field, const std::string& problem, ErrorCode code = ErrorCode::kInvalidInput);
  /// Refuses a message whose body was left out.
  void present(bool has_body);
  /// Refuses what a newer build may have meant by a union member that this one does not have.
  void unknown_kind(unsigned number);
  const std::optional<Error>& refusal() const { return refusal_; }

  /// range.least where it is refused.
  template <class Number>
  Number number(const char* field, Number value, Range range = {}) {
    if (value >= range.least && value <= range.most) return value;
    out_of_range(field, value, range);
    return static_cast<Number>(range.least);
  }

  /// Neither NaN nor outside [least, most].
  float real(const char* field, float value, float least, float most);
  /// Neither NaN nor infinite.
  float finite(const char* field, float value);
  /// Minus infinity, or a finite number.
  float logprob(const char* field, float value);

  /// UTF-8 of at most `most` bytes.
  std::string text(const char* field, capnp::Text::Reader value, std::size_t most);
  std::string bytes(const char* field, capnp::Data::Reader value, std::size_t most);
  std::vector<TokenId> tokens(const char* field, capnp::List<std::int32_t>::Reader list, Range count);

  /// The length of a list, or 0 where it is refused.
  unsigned length(const char* field, std::size_t size, Range range);

  /// The value of an enumeration of ours, or its first where the schema's has none such in this build.
  template <class Enum>
  Enum known(const char* field, std::optional<Enum> value) {
    if (!value) refuse(field, "is none of the values that this build knows");
    return value.value_or(Enum{});
  }

 private:
  Scope enter_at(const char* field, std::int64_t index) {
    path_.push_back({field, index});
    return Scope(*this);
  }
  void out_of_range(const char* field, std::int64_t value, Range range);

  struct Step {
    const char* field;
    std::int64_t index;  ///< -1: no list
  };
  const char* message_;
  std::vector<Step> path_;
  std::optional<Error> refusal_;
};

/// "A control message from another node is refused: <what> <what to do>".
Error refused_frame(ErrorCode code, const std::string& what);

}  // namespace troupe::wire
