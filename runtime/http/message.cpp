#include "runtime/http/message.hpp"

#include <algorithm>
#include <utility>

namespace troupe::http {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_token_character(char c) {
  return is_digit(c) || is_letter(c) ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Cuts the next line, without its CRLF, off the front. The scanner has made sure that every line ends in CRLF.
std::string_view next_line(std::string_view& rest) {
  const auto end = rest.find("\r\n");
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
  return line;
}

std::optional<Refusal> parse_fields(std::string_view lines, std::size_t max_fields, std::vector<Header>& headers) {
  while (!lines.empty()) {
    const auto line = next_line(lines);
    if (line.empty()) break;
    if (headers.size() == max_fields)
      return Refusal{431, "The request has more than " + std::to_string(max_fields) + " header fields.", {}};
    if (line.front() == ' ' || line.front() == '\t')
      return Refusal{400, "A header field is folded over two lines.", {}};
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
      return Refusal{400, "A header line is not `name: value` with the colon right behind the name.", {}};
    headers.push_back({lower_case(line.substr(0, colon)), std::string(trim_blanks(line.substr(colon + 1)))});
  }
  return std::nullopt;
}

bool is_host(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return is_digit(c) || is_letter(c) || (c != '\0' && std::string_view("-._~:[]%").find(c) != std::string_view::npos);
  });
}

/// The part after '?' may hold any visible character but '#'; the path only what RFC 3986 calls pchar and '/'.
bool is_origin_form(std::string_view target) {
  if (target.empty() || target.front() != '/') return false;
  const auto question = std::min(target.find('?'), target.size());
  const auto in_path = [](char c) {
    return is_digit(c) || is_letter(c) ||
           (c != '\0' && std::string_view("/-._~!$&'()*+,;=:@%").find(c) != std::string_view::npos);
  };
  const auto in_query = [](char c) { return c > ' ' && c < '\x7f' && c != '#'; };
  return std::all_of(target.begin(), target.begin() + static_cast<std::ptrdiff_t>(question), in_path) &&
         std::all_of(target.begin() + static_cast<std::ptrdiff_t>(question), target.end(), in_query);
}

std::optional<Refusal> parse_request_line(std::string_view line, const HeadLimits& limits, RequestHead& out) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return Refusal{400, "The request line is not `METHOD target HTTP/1.1`.", {}};
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(method) || method.size() > 32)
    return Refusal{400, "The request's method is not a token of at most 32 characters.", {}};
  if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || !is_digit(version[5]) || version[6] != '.' ||
      !is_digit(version[7]))
    return Refusal{400, "The request line does not end in an HTTP version.", {}};
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return Refusal{505, "Only HTTP/1.1 and HTTP/1.0 are served.", {}};
  if (target.size() > limits.target_bytes)
    return Refusal{414, "The request target is longer than " + std::to_string(limits.target_bytes) + " bytes.", {}};
  if (!is_origin_form(target))
    return Refusal{
        400, "The request target must be a path that starts with '/'; absolute and other forms are refused.", {}};
  out.method = method;
  out.target = target;
  out.minor_version = version[7] - '0';
  return std::nullopt;
}

std::size_t count_of(const std::vector<Header>& headers, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(), [&](const Header& h) { return h.name == name; }));
}

std::optional<Refusal> check_framing(RequestHead& head) {
  const auto hosts = count_of(head.headers, "host");
  if (hosts > 1 || (hosts == 0 && head.minor_version == 1))
    return Refusal{400, "A request must have exactly one Host field.", {}};
  if (hosts == 1 && !is_host(*find_header(head.headers, "host")))
    return Refusal{400, "The Host field is not a host name.", {}};
  for (const char* name :
       {"transfer-encoding", "content-length", "authorization", "content-type", "content-encoding", "expect"}) {
    if (count_of(head.headers, name) > 1)
      return Refusal{400, std::string("The field ") + name + " appears more than once.", {}};
  }
  const auto* encoding = find_header(head.headers, "transfer-encoding");
  const auto* length = find_header(head.headers, "content-length");
  if (encoding && length) return Refusal{400, "Transfer-Encoding and Content-Length may not appear together.", {}};
  if (encoding) {
    if (head.minor_version == 0) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding.", {}};
    if (lower_case(*encoding) != "chunked")
      return Refusal{400, "The only Transfer-Encoding served is exactly `chunked`.", {}};
    head.chunked = true;
  }
  if (length) {
    const auto number = parse_decimal(*length);
    if (!number) return Refusal{400, "Content-Length is not one number of digits only.", {}};
    head.content_length = *number;
  }
  return std::nullopt;
}

}  // namespace

const std::string* find_header(const std::vector<Header>& headers, std::string_view lower_case_name) {
  for (const auto& header : headers)
    if (header.name == lower_case_name) return &header.value;
  return nullptr;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool list_contains(std::string_view list, std::string_view lower_case_word) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (lower_case(trim_blanks(list.substr(0, comma))) == lower_case_word) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 63;
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    if (number >= kMost / 10) return kMost;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

HeadScanner::Outcome HeadScanner::scan(std::string_view received, std::size_t limit_bytes) {
  const auto end = std::min(received.size(), limit_bytes);
  for (; scanned_ < end; ++scanned_) {
    const char c = received[scanned_];
    const auto byte = static_cast<unsigned char>(c);
    if (scanned_ > 0 && received[scanned_ - 1] == '\r' && c != '\n')
      return Refusal{400, "A CR stands without its LF.", {}};
    if (c == '\n') {
      if (scanned_ == 0 || received[scanned_ - 1] != '\r') return Refusal{400, "A line ends in LF without CR.", {}};
      if (scanned_ - 1 == line_start_) {
        if (line_start_ == 0) return Refusal{400, "The request begins with an empty line.", {}};
        return Complete{++scanned_};
      }
      line_start_ = scanned_ + 1;
    } else if ((byte < 0x20 && c != '\t' && c != '\r') || byte == 0x7f) {
      return Refusal{400, "The request's head holds a control character.", {}};
    }
  }
  if (received.size() >= limit_bytes && line_start_ == 0)
    return Refusal{
        414, "The first line alone is longer than the " + std::to_string(limit_bytes) + " bytes of a whole head.", {}};
  if (received.size() >= limit_bytes)
    return Refusal{431, "The request's head is longer than " + std::to_string(limit_bytes) + " bytes.", {}};
  return Incomplete{};
}

std::variant<RequestHead, Refusal> parse_request_head(std::string_view head, const HeadLimits& limits) {
  RequestHead out;
  if (auto refusal = parse_request_line(next_line(head), limits, out)) return *std::move(refusal);
  if (auto refusal = parse_fields(head, limits.fields, out.headers)) return *std::move(refusal);
  if (auto refusal = check_framing(out)) return *std::move(refusal);
  out.close = out.minor_version == 0;
  for (const auto& header : out.headers)
    if (header.name == "connection" && list_contains(header.value, "close")) out.close = true;
  if (const auto* expect = find_header(out.headers, "expect"); expect && out.minor_version == 1) {
    if (lower_case(*expect) != "100-continue") return Refusal{417, "The only expectation met is 100-continue.", {}};
    out.expect_continue = true;
  }
  return out;
}

std::variant<ResponseHead, std::string> parse_response_head(std::string_view head, std::size_t max_fields) {
  ResponseHead out;
  const auto line = next_line(head);
  const bool well_formed = line.size() >= 12 && line.substr(0, 7) == "HTTP/1." && is_digit(line[7]) && line[8] == ' ' &&
                           is_digit(line[9]) && is_digit(line[10]) && is_digit(line[11]) &&
                           (line.size() == 12 || line[12] == ' ');
  if (!well_formed) return std::string("the peer did not answer in HTTP/1.x");
  out.minor_version = line[7] - '0';
  out.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (parse_fields(head, max_fields, out.headers))
    return std::string("the peer's header fields are malformed or too many");
  return out;
}

}  // namespace troupe::http
