#include "actors/wire/enumerations.hpp"

#include "runtime/base/check.hpp"

namespace troupe::wire {

schema::Role to_schema(policies::Role role) {
  switch (role) {
    case policies::Role::kPrompt:
      return schema::Role::PROMPT;
    case policies::Role::kToken:
      return schema::Role::TOKEN;
    case policies::Role::kMixed:
      return schema::Role::MIXED;
  }
  CHECK(false, static_cast<int>(role));
  return {};
}

schema::NumberFormat to_schema(kernels::DType dtype) {
  switch (dtype) {
    case kernels::DType::kF32:
      return schema::NumberFormat::F32;
    case kernels::DType::kF16:
      return schema::NumberFormat::F16;
    case kernels::DType::kBf16:
      return schema::NumberFormat::BF16;
  }
  CHECK(false, static_cast<int>(dtype));
  return {};
}

schema::FinishReason to_schema(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return schema::FinishReason::STOP;
    case FinishReason::kLength:
      return schema::FinishReason::LENGTH;
    case FinishReason::kCancelled:
      return schema::FinishReason::CANCELLED;
    case FinishReason::kError:
      return schema::FinishReason::ERROR;
  }
  CHECK(false, static_cast<int>(reason));
  return {};
}

schema::ErrorCode to_schema(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidInput:
      return schema::ErrorCode::INVALID_INPUT;
    case ErrorCode::kMissingInput:
      return schema::ErrorCode::MISSING_INPUT;
    case ErrorCode::kUnsupported:
      return schema::ErrorCode::UNSUPPORTED;
    case ErrorCode::kConfig:
      return schema::ErrorCode::CONFIG;
    case ErrorCode::kTooLarge:
      return schema::ErrorCode::TOO_LARGE;
    case ErrorCode::kOverloaded:
      return schema::ErrorCode::OVERLOADED;
    case ErrorCode::kUnavailable:
      return schema::ErrorCode::UNAVAILABLE;
    case ErrorCode::kDeadline:
      return schema::ErrorCode::DEADLINE;
    case ErrorCode::kCancelled:
      return schema::ErrorCode::CANCELLED;
    case ErrorCode::kInternal:
      return schema::ErrorCode::INTERNAL;
  }
  CHECK(false, static_cast<int>(code));
  return {};
}

std::optional<policies::Role> from_schema(schema::Role role) {
  switch (role) {
    case schema::Role::PROMPT:
      return policies::Role::kPrompt;
    case schema::Role::TOKEN:
      return policies::Role::kToken;
    case schema::Role::MIXED:
      return policies::Role::kMixed;
  }
  return std::nullopt;
}

std::optional<kernels::DType> from_schema(schema::NumberFormat format) {
  switch (format) {
    case schema::NumberFormat::F32:
      return kernels::DType::kF32;
    case schema::NumberFormat::F16:
      return kernels::DType::kF16;
    case schema::NumberFormat::BF16:
      return kernels::DType::kBf16;
  }
  return std::nullopt;
}

std::optional<FinishReason> from_schema(schema::FinishReason reason) {
  switch (reason) {
    case schema::FinishReason::STOP:
      return FinishReason::kStop;
    case schema::FinishReason::LENGTH:
      return FinishReason::kLength;
    case schema::FinishReason::CANCELLED:
      return FinishReason::kCancelled;
    case schema::FinishReason::ERROR:
      return FinishReason::kError;
  }
  return std::nullopt;
}

std::optional<ErrorCode> from_schema(schema::ErrorCode code) {
  switch (code) {
    case schema::ErrorCode::INVALID_INPUT:
      return ErrorCode::kInvalidInput;
    case schema::ErrorCode::MISSING_INPUT:
      return ErrorCode::kMissingInput;
    case schema::ErrorCode::UNSUPPORTED:
      return ErrorCode::kUnsupported;
    case schema::ErrorCode::CONFIG:
      return ErrorCode::kConfig;
    case schema::ErrorCode::TOO_LARGE:
      return ErrorCode::kTooLarge;
    case schema::ErrorCode::OVERLOADED:
      return ErrorCode::kOverloaded;
    case schema::ErrorCode::UNAVAILABLE:
      return ErrorCode::kUnavailable;
    case schema::ErrorCode::DEADLINE:
      return ErrorCode::kDeadline;
    case schema::ErrorCode::CANCELLED:
      return ErrorCode::kCancelled;
    case schema::ErrorCode::INTERNAL:
      return ErrorCode::kInternal;
  }
  return std::nullopt;
}

}  // namespace troupe::wire
