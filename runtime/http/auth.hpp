// Who is calling: API keys, kept as SHA-256 only, compared in constant time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/routes.hpp"

namespace troupe::http {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view text);
/// 64 lower-case hexadecimal digits: what a key file holds. The same as `printf %s KEY | sha256sum`.
std::string sha256_hex(std::string_view text);

struct ApiKey {
  Sha256 hash{};
  std::set<Scope> scopes;
  std::string name;  ///< for logs; may be empty
};

/// Reads a key file: one key a line, `<64 hexadecimal digits> <scope>[,<scope>...] [name]`; blank lines and lines that
/// start with '#' are passed over. The file must be a regular file of ours, readable and writable by nobody else (mode
/// 0600 or less), with 1 to 1,024 keys. kMissingInput where there is none, else kConfig with file and line.
Result<std::vector<ApiKey>> load_api_keys(const std::string& path);

/// Lets a request pass as the key with this index (none on a public route or where no keys are configured), or refuses
/// it: 401 without a known key, 403 where the key lacks the scope. Every known key is compared, whichever matches.
std::variant<std::optional<std::size_t>, Refusal> authenticate(const std::vector<ApiKey>& keys, Scope scope,
                                                               const RequestHead& head);

}  // namespace troupe::http
