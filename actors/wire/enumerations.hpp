// Enumerations of ours and their schema twins, value by value: the compiler finds one that was forgotten on the way
// out, and what this build does not know is nothing on the way in. The numbers on the wire are the schema's, not ours.
#pragma once

#include <optional>

#include "actors/messages/request.hpp"
#include "actors/policies/routing_policy.hpp"
#include "kernels/core/dtype.hpp"
#include "runtime/base/result.hpp"
#include "schemas/control.capnp.h"

namespace troupe::wire {

namespace schema = ::troupe::schema::control;

schema::Role to_schema(policies::Role role);
schema::NumberFormat to_schema(kernels::DType dtype);
schema::FinishReason to_schema(FinishReason reason);
schema::ErrorCode to_schema(ErrorCode code);

std::optional<policies::Role> from_schema(schema::Role role);
std::optional<kernels::DType> from_schema(schema::NumberFormat format);
std::optional<FinishReason> from_schema(schema::FinishReason reason);
std::optional<ErrorCode> from_schema(schema::ErrorCode code);

}  // namespace troupe::wire
