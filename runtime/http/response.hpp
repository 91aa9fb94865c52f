// What answers look like on the wire: status lines, header fields, error bodies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/message.hpp"

namespace troupe::http {

/// "OK" for 200, ...; "Status" for a number without a name.
const char* reason_phrase(int status);

/// What an OpenAI client reads: {"error":{"message":...,"type":...,"param":...,"code":null}}. `type` follows from the
/// status where it is empty; an empty `param` is null. Ill-formed UTF-8 in the texts is replaced.
std::string error_body(int status, std::string_view message, std::string_view param = {}, std::string_view type = {});

/// The text as a JSON string with its quotes. Ill-formed UTF-8 is replaced by U+FFFD.
std::string json_quote(std::string_view text);

/// Status line, fields and the empty line. A name must be a token; control characters in a value become '_', so that no
/// value can start a line of its own.
std::string response_head(int status, const std::vector<Header>& headers);

/// "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970 (RFC 9110, section 5.6.7).
std::string http_date(std::int64_t unix_seconds);

}  // namespace troupe::http
