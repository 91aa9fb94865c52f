#include "actors/wire/codec.hpp"

#include "runtime/base/check.hpp"
#include "runtime/base/utf8.hpp"

namespace troupe::wire {

capnp::Text::Reader text_of(const std::string& text) { return {text.c_str(), text.size()}; }

std::string readable(const std::string& text, std::size_t most) {
  // Replacing makes it up to three times as long, so what is cut off first cannot be due.
  auto clean = replace_invalid_utf8(text.substr(0, most + 4));
  if (clean.size() <= most) return clean;
  clean.resize(most);
  clean.resize(most - incomplete_utf8_suffix(clean));
  return clean;
}

unsigned list_size(std::size_t size) {
  constexpr std::size_t kMostElements = (std::size_t{1} << 29) - 1;
  CHECK(size <= kMostElements, size);
  return static_cast<unsigned>(size);
}

void write_tokens(const std::vector<TokenId>& tokens, capnp::List<std::int32_t>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) to.set(i, tokens[i]);
}

}  // namespace troupe::wire
