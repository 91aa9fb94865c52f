#include "runtime/model/chat_template/text.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/base/check.hpp"

namespace troupe::model::jinja {

Text::Text(std::string bytes, bool trusted) : bytes_(std::move(bytes)) {
  CHECK(bytes_.size() < (std::size_t{1} << 31), bytes_.size());
  if (!bytes_.empty()) runs_.push_back({static_cast<std::uint32_t>(bytes_.size()) & 0x7fffffffu, trusted});
}

void Text::append(std::string_view bytes, bool trusted) {
  if (bytes.empty()) return;
  CHECK(bytes_.size() + bytes.size() < (std::size_t{1} << 31), bytes_.size(), bytes.size());
  bytes_.append(bytes);
  const auto end = static_cast<std::uint32_t>(bytes_.size()) & 0x7fffffffu;
  if (!runs_.empty() && static_cast<bool>(runs_.back().trusted) == trusted) {
    runs_.back().end = end;
  } else {
    runs_.push_back({end, trusted});
  }
}

void Text::append(const Text& other) {
  if (&other == this) return append(Text(other));
  other.for_each_run([this](std::string_view bytes, bool trusted) { append(bytes, trusted); });
}

Text Text::slice(std::size_t from, std::size_t to) const {
  CHECK(from <= to && to <= size(), from, to, size());
  Text out;
  auto run =
      std::upper_bound(runs_.begin(), runs_.end(), from, [](std::size_t at, const Run& r) { return at < r.end; });
  for (; from < to; ++run) {
    const std::size_t end = std::min<std::size_t>(run->end, to);
    out.append(bytes().substr(from, end - from), run->trusted);
    from = end;
  }
  return out;
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

Character character_at(std::string_view bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  CHECK(at + length <= bytes.size(), at, bytes.size());
  char32_t code_point = lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code_point = (code_point << 6) | (byte(i) & 0x3fu);
  return {code_point, length};
}

namespace {
bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }
}  // namespace

std::size_t count_characters(std::string_view bytes) {
  return bytes.size() - static_cast<std::size_t>(std::count_if(bytes.begin(), bytes.end(), continues_character));
}

std::size_t offset_of_character(std::string_view bytes, std::size_t index) {
  std::size_t at = 0;
  for (; at < bytes.size(); ++at) {
    if (!continues_character(bytes[at]) && index-- == 0) break;
  }
  return at;
}

std::size_t skip_space(std::string_view bytes, std::size_t at) {
  while (at < bytes.size()) {
    const Character c = character_at(bytes, at);
    if (!is_space(c.code_point)) break;
    at += c.length;
  }
  return at;
}

std::size_t end_before_space(std::string_view bytes, std::size_t end) {
  while (end > 0) {
    std::size_t start = end - 1;
    while (start > 0 && continues_character(bytes[start])) --start;
    if (!is_space(character_at(bytes, start).code_point)) break;
    end = start;
  }
  return end;
}

std::size_t find_bytes(std::string_view haystack, std::string_view needle, std::size_t from) {
  if (from > haystack.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  // memmem is linear; string_view::find takes haystack times needle on a run of one letter.
  const void* found = ::memmem(haystack.data() + from, haystack.size() - from, needle.data(), needle.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - haystack.data());
}

std::size_t find_last_bytes(std::string_view haystack, std::string_view needle) {
  const std::string backwards(haystack.rbegin(), haystack.rend());
  const std::size_t at = find_bytes(backwards, std::string(needle.rbegin(), needle.rend()));
  return at == std::string_view::npos ? at : haystack.size() - at - needle.size();
}

}  // namespace troupe::model::jinja
