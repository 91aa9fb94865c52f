// One value: from text into its slot, with range and unit checked, and back. Internal to runtime/config.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/config/keys.hpp"

namespace troupe::config {

/// Why a value was not taken: what is wrong with it, and what was expected instead.
struct Refused {
  std::string message;
  std::string expected;
};

/// Puts `text` into the key's slot, or says why not. A list is given as words with commas between. The api keys have no
/// such form.
std::optional<Refused> set_value(const Key& key, Draft& draft, std::string_view text);

/// The value as the file would have it: "2GiB", "25s", "auto", "[a, b]".
std::string show_value(const Key& key, const Draft& draft);

/// "a whole number from 1 to 256", "a size from 1MiB to 1GiB, as 512MiB", ...
std::string expectation(const Key& key);

/// Whether the key holds a list of words.
bool is_list(const Key& key);

/// Whether what is written must be plain: a number, size, duration or yes-or-no in quotes is a mistake.
bool must_be_plain(const Key& key);

/// "2GiB": the largest binary unit that divides it.
std::string show_bytes(std::uint64_t bytes);
/// "25s"
std::string show_duration(std::chrono::milliseconds duration);

}  // namespace troupe::config
