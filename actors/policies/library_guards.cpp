#include "actors/policies/library_guards.hpp"

#include <cstring>

#include "runtime/base/utf8.hpp"

namespace troupe::policies {
namespace {

constexpr std::size_t kMostTextBytes = 500;

}  // namespace

std::string bounded_text(std::string_view text) { return replace_invalid_utf8(text.substr(0, kMostTextBytes)); }

std::string bounded_text(const char* text) {
  if (text == nullptr) return "nothing";
  return bounded_text(std::string_view(text, ::strnlen(text, kMostTextBytes)));
}

}  // namespace troupe::policies
