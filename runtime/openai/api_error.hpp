// Errors as OpenAI clients read them.
// Owns: the one place where an Error becomes an HTTP status. Promises: every body is valid JSON and valid UTF-8,
// whatever the message holds.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "runtime/base/check.hpp"
#include "runtime/base/result.hpp"

namespace troupe::openai {

/// What a client is told of a call that could not be answered.
struct ApiError {
  int status = 400;     ///< HTTP; in a stream that has begun it is told by `type` alone
  std::string message;  ///< for a person: what was wrong, what was expected
  std::string param;    ///< the parameter that was wrong ("messages[2].content"); empty: none, null on the wire
  std::string code;     ///< a word that programs compare ("unsupported_parameter"); empty: null on the wire
  std::optional<int> retry_after_s;  ///< for the Retry-After field

  /// OpenAI's word for the status: "invalid_request_error", "rate_limit_error", ...
  const char* type() const;
  /// {"error":{"message","type","param","code"}}
  std::string body() const;
};

/// 400: `param` is wrong. `message` is a whole sentence that names it.
ApiError invalid(std::string param, std::string message);
/// 400 with code "unsupported_parameter".
ApiError unsupported(std::string param, std::string message);

/// The answer to an Error of the inside: kOverloaded is 429 and kUnavailable 503, both with Retry-After; kTooLarge,
/// kInvalidInput and kUnsupported 400; kMissingInput 404; kDeadline 408; kCancelled 503, since a call that its client
/// gave up has nobody to answer.
ApiError from_error(const Error& error, int retry_after_s);

/// A T, or what to tell the client instead. `value()` on a refusal is a bug and ends the process.
template <class T>
class [[nodiscard]] Outcome {
 public:
  using value_type = T;
  Outcome(T value) : content_(std::move(value)) {}         // NOLINT: a value is an outcome
  Outcome(ApiError error) : content_(std::move(error)) {}  // NOLINT: a refusal is an outcome

  bool ok() const { return content_.index() == 0; }
  T& value() { return require(), std::get<0>(content_); }
  const T& value() const { return require(), std::get<0>(content_); }
  T& operator*() { return value(); }
  T* operator->() { return &value(); }
  const ApiError& error() const { return std::get<1>(content_); }

 private:
  void require() const { CHECK(ok(), error().message); }
  std::variant<T, ApiError> content_;
};

}  // namespace troupe::openai
