// An expected outcome is a value: Result<T> holds a T or an Error that says what went wrong and what to do.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "runtime/base/check.hpp"

namespace troupe {

/// What the caller can do about an error. HTTP statuses and exit codes follow from it in one place each.
enum class ErrorCode {
  kInvalidInput,  ///< the input is wrong: change it (HTTP 400, exit 65)
  kMissingInput,  ///< a file, model or route does not exist (HTTP 404, exit 66)
  kUnsupported,   ///< well-formed, but Troupe does not do it (HTTP 400, exit 65)
  kConfig,        ///< a configuration is wrong (exit 78)
  kTooLarge,      ///< over a limit that is named (HTTP 413 or 400)
  kOverloaded,    ///< no room now: try again later (HTTP 429)
  kUnavailable,   ///< the peer, machine or device is gone or draining: try elsewhere or later (HTTP 503, exit 69)
  kDeadline,      ///< took longer than its deadline (HTTP 408)
  kCancelled,     ///< the caller gave it up
  kInternal,      ///< a failure of ours that is not the input's fault (HTTP 500, exit 70)
};

/// Lower-case words for logs: "invalid input", "overloaded", ...
const char* to_string(ErrorCode code);

/// `message` is one or more sentences for a person: what was wrong, where, what was expected, what to do.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  /// The same error with where it happened put in front: "model.safetensors: header is cut short".
  Error within(const std::string& where) const { return {code, where + ": " + message}; }
};

/// A T or an Error. `value()` on an error is a bug and ends the process with the error's text.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : content_(std::move(value)) {}      // NOLINT: a value is a result
  Result(Error error) : content_(std::move(error)) {}  // NOLINT: an error is a result

  bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return require(), std::get<0>(content_); }
  const T& value() const& { return require(), std::get<0>(content_); }
  T&& value() && { return require(), std::get<0>(std::move(content_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const Error& error() const& { return std::get<1>(content_); }
  Error&& error() && { return std::get<1>(std::move(content_)); }

 private:
  void require() const { CHECK(ok(), error().message); }
  std::variant<T, Error> content_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: an error is a result
  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace troupe

/// TRY(name, expression): `name` is the value of the Result, or the enclosing function returns its Error.
#define TRY(name, ...)                                   \
  auto name##_result = (__VA_ARGS__);                    \
  if (!name##_result.ok()) return name##_result.error(); \
  auto& name = name##_result.value()

/// TRY_VOID(expression): the enclosing function returns the Error of a Result<void> that has one.
#define TRY_VOID(...) \
  if (auto try_void_result = (__VA_ARGS__); !try_void_result.ok()) return try_void_result.error()
