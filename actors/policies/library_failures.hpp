// Word of what libraries' policies do wrong: their decisions are replaced where they are wrong, and without a word
// nobody would know.
#pragma once

#include <functional>
#include <string>

namespace troupe::policies {

struct LibraryFailure {
  std::string policy;  ///< its name, or the path of its library
  std::string kind;    ///< "admission policy"
  std::string what;    ///< "it threw: no idea"; bounded, UTF-8
};

using TellLibraryFailure = std::function<void(const LibraryFailure&)>;

/// Who is told from now on, on the thread that decides; nobody: a line to stderr, as at the start. From any thread.
void tell_library_failures(TellLibraryFailure tell);

/// Says that a policy failed. Its guard does so once.
void library_failed(const LibraryFailure& failure);

}  // namespace troupe::policies
