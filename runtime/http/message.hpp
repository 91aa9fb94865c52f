// HTTP/1.1 message heads, read strictly. This is the only place that decides where a request ends: a head that another
// parser could read in a second way is refused, never repaired.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe::http {

/// One header field. Names read from the wire are lower-cased; values have no surrounding blanks.
struct Header {
  std::string name;
  std::string value;
};

/// The value of the first field with this lower-case name, or nullptr.
const std::string* find_header(const std::vector<Header>& headers, std::string_view lower_case_name);

/// An answer that the transport gives in the handler's stead.
struct Refusal {
  int status = 400;
  std::string message;
  std::vector<Header> headers;
};

/// A number outside these is refused: 431 for bytes and fields, 414 for the target.
struct HeadLimits {
  std::size_t bytes = 8 * 1024;         ///< request line, fields and the empty line, with their line ends
  std::size_t fields = 100;             ///< header fields
  std::size_t target_bytes = 4 * 1024;  ///< request target (path and query)
};

/// What a request's head says. Produced only for heads that hold every rule of parse_request_head.
struct RequestHead {
  std::string method;
  std::string target;     ///< origin-form: starts with '/'
  int minor_version = 1;  ///< HTTP/1.0 or HTTP/1.1
  std::vector<Header> headers;
  bool chunked = false;
  std::uint64_t content_length = 0;  ///< saturates at 2^63
  bool close = false;                ///< the client ends the connection after this answer
  bool expect_continue = false;

  bool has_body() const { return chunked || content_length > 0; }
};

/// Finds the end of a head in bytes that arrive piece by piece; looks at each byte once.
class HeadScanner {
 public:
  struct Incomplete {};
  struct Complete {
    std::size_t length = 0;  ///< bytes of the head, the empty line included
  };
  using Outcome = std::variant<Incomplete, Complete, Refusal>;

  /// `received` is all that has come since the last reset. Refuses a bare LF, a bare CR, NUL and other control
  /// characters, and a head longer than `limit_bytes`, as soon as they are seen.
  Outcome scan(std::string_view received, std::size_t limit_bytes);
  void reset() { *this = HeadScanner{}; }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
};

/// Reads a head that HeadScanner found complete. Rules: `METHOD SP origin-form SP HTTP/1.x` with x 0 or 1 (505 for
/// other versions); field names are tokens with the colon right behind them; no folded lines; exactly one Host on 1.1
/// and at most one on 1.0; Transfer-Encoding only once, only exactly `chunked`, only on 1.1; Content-Length only once,
/// digits only; never both; Authorization, Content-Type, Content-Encoding and Expect at most once (RFC 9112,
/// sections 2.2, 3, 5 and 6, without their tolerances).
std::variant<RequestHead, Refusal> parse_request_head(std::string_view head, const HeadLimits& limits);

/// A response's head, for the client. `headers` as in a request.
struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  std::vector<Header> headers;
};

/// Reads a complete response head; the text says what is wrong with one that is not HTTP/1.x.
std::variant<ResponseHead, std::string> parse_response_head(std::string_view head, std::size_t max_fields);

/// Whether `text` is a token (RFC 9110, section 5.6.2) of at least one character.
bool is_token(std::string_view text);
/// ASCII lower case.
std::string lower_case(std::string_view text);
/// Whether a comma-separated list names `lower_case_word`, in any case.
bool list_contains(std::string_view list, std::string_view lower_case_word);
/// Decimal digits only, at least one; saturates at 2^63. Nothing else is a number.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

}  // namespace troupe::http
