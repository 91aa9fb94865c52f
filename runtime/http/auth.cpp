#include "runtime/http/auth.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "runtime/base/check.hpp"
#include "runtime/base/file.hpp"

namespace troupe::http {
namespace {

constexpr std::size_t kMaxKeys = 1024;
constexpr std::size_t kMaxKeyFileBytes = 256 * 1024;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Sha256> parse_hash(std::string_view text) {
  Sha256 hash{};
  if (text.size() != 2 * hash.size()) return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    hash[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return hash;
}

/// The text does not repeat what stands in the line: it might be a key that somebody put there in the clear.
Result<ApiKey> parse_key_line(const std::string& line) {
  std::istringstream words(line);
  std::string hash, scopes, extra;
  ApiKey key;
  words >> hash >> scopes >> key.name >> extra;
  const auto parsed = parse_hash(hash);
  if (!parsed)
    return Error{
        ErrorCode::kConfig,
        "expected the key's SHA-256 as 64 hexadecimal digits first; make it with `printf %s KEY | sha256sum`."};
  key.hash = *parsed;
  std::istringstream list(scopes);
  for (std::string word; std::getline(list, word, ',');) {
    const auto scope = scope_from(word);
    if (!scope || *scope == Scope::kPublic)
      return Error{ErrorCode::kConfig,
                   "expected scopes metrics, infer, admin or inspect behind the hash, joined by commas."};
    key.scopes.insert(*scope);
  }
  if (key.scopes.empty())
    return Error{ErrorCode::kConfig, "expected at least one scope behind the hash: metrics, infer, admin or inspect."};
  if (!extra.empty()) return Error{ErrorCode::kConfig, "expected at most hash, scopes and one name on the line."};
  return key;
}

/// The token of `Authorization: Bearer token`, or nothing.
std::optional<std::string_view> bearer_token(const RequestHead& head) {
  const auto* field = find_header(head.headers, "authorization");
  if (!field || field->size() < 8 || lower_case(field->substr(0, 7)) != "bearer ") return std::nullopt;
  const auto token = std::string_view(*field).substr(7);
  return token.find(' ') == std::string_view::npos ? std::optional(token) : std::nullopt;
}

}  // namespace

Sha256 sha256(std::string_view text) {
  Sha256 hash{};
  unsigned int length = 0;
  CHECK(EVP_Digest(text.data(), text.size(), hash.data(), &length, EVP_sha256(), nullptr) == 1 &&
        length == hash.size());
  return hash;
}

std::string sha256_hex(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const auto byte : sha256(text)) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

Result<std::vector<ApiKey>> load_api_keys(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return Error{ErrorCode::kMissingInput, path + ": the API key file cannot be found."};
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 0177) != 0)
    return Error{
        ErrorCode::kConfig,
        path + ": an API key file must be a regular file of this user with mode 0600; run `chmod 600 " + path + "`."};
  TRY(text, read_file(path, kMaxKeyFileBytes));
  std::vector<ApiKey> keys;
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos || line.front() == '#') continue;
    auto key = parse_key_line(line);
    if (!key.ok()) return key.error().within(path + ":" + std::to_string(number));
    keys.push_back(std::move(key).value());
    if (keys.size() > kMaxKeys)
      return Error{ErrorCode::kConfig, path + ": more than " + std::to_string(kMaxKeys) + " keys."};
  }
  if (keys.empty()) return Error{ErrorCode::kConfig, path + ": the API key file holds no key."};
  return keys;
}

std::variant<std::optional<std::size_t>, Refusal> authenticate(const std::vector<ApiKey>& keys, Scope scope,
                                                               const RequestHead& head) {
  if (scope == Scope::kPublic || keys.empty()) return std::optional<std::size_t>{};
  std::optional<std::size_t> found;
  if (const auto token = bearer_token(head)) {
    const auto hash = sha256(*token);
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (CRYPTO_memcmp(keys[i].hash.data(), hash.data(), hash.size()) == 0) found = i;
  }
  if (!found)
    return Refusal{401,
                   "This route needs an API key: send `Authorization: Bearer KEY` with a key of this server.",
                   {{"www-authenticate", "Bearer"}}};
  if (!keys[*found].scopes.contains(scope))
    return Refusal{403, std::string("This API key lacks the scope `") + to_string(scope) + "`.", {}};
  return found;
}

}  // namespace troupe::http
