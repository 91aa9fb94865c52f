#include "runtime/openai/api_error.hpp"

#include <nlohmann/json.hpp>

namespace troupe::openai {

const char* ApiError::type() const {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return "unavailable_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

std::string ApiError::body() const {
  nlohmann::ordered_json error;
  error["message"] = message;
  error["type"] = type();
  error["param"] = param.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(param);
  error["code"] = code.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(code);
  nlohmann::ordered_json body;
  body["error"] = std::move(error);
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

ApiError invalid(std::string param, std::string message) {
  return {400, std::move(message), std::move(param), "invalid_value", {}};
}

ApiError unsupported(std::string param, std::string message) {
  return {400, std::move(message), std::move(param), "unsupported_parameter", {}};
}

ApiError from_error(const Error& error, int retry_after_s) {
  switch (error.code) {
    case ErrorCode::kInvalidInput:
    case ErrorCode::kUnsupported:
      return {400, error.message, {}, {}, {}};
    case ErrorCode::kTooLarge:
      return {400, error.message, {}, "too_large", {}};
    case ErrorCode::kMissingInput:
      return {404, error.message, {}, {}, {}};
    case ErrorCode::kOverloaded:
      return {429, error.message, {}, "overloaded", retry_after_s};
    case ErrorCode::kUnavailable:
      return {503, error.message, {}, "unavailable", retry_after_s};
    case ErrorCode::kCancelled:
      return {503, error.message, {}, "cancelled", retry_after_s};
    case ErrorCode::kDeadline:
      return {408, error.message, {}, "deadline_exceeded", {}};
    case ErrorCode::kConfig:
    case ErrorCode::kInternal:
      break;
  }
  return {500, error.message, {}, {}, {}};
}

}  // namespace troupe::openai
