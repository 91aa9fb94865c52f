// Files read whole, with a bound, or mapped read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "runtime/base/result.hpp"

namespace troupe {

/// The file's text. kMissingInput where there is none, kTooLarge past `limit_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t limit_bytes);

/// A file mapped read-only for as long as the object lives. Move-only. A file that shrinks while mapped kills a reader
/// with SIGBUS: callers copy what they need at load and let the mapping go.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  /// Whether the file still has the size it was mapped with.
  bool unchanged() const;

 private:
  MappedFile(int fd, std::span<const std::byte> bytes) : fd_(fd), bytes_(bytes) {}
  int fd_ = -1;
  std::span<const std::byte> bytes_;
};

}  // namespace troupe
