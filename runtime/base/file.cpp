#include "runtime/base/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace troupe {
namespace {

Error open_error(const std::string& path) {
  const int why = errno;
  const auto code = why == ENOENT || why == ENOTDIR ? ErrorCode::kMissingInput : ErrorCode::kInvalidInput;
  return {code, path + ": cannot be read: " + std::strerror(why) + "."};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return open_error(path);
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      auto error = open_error(path);
      ::close(fd);
      return error;
    }
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > limit_bytes) {
      ::close(fd);
      return Error{ErrorCode::kTooLarge,
                   path + ": is larger than the limit of " + std::to_string(limit_bytes) + " bytes."};
    }
  }
  ::close(fd);
  return text;
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return open_error(path);
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return Error{ErrorCode::kInvalidInput, path + ": is not a regular file."};
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return MappedFile(fd, {});
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED) {
    auto error = open_error(path);
    ::close(fd);
    return error;
  }
  return MappedFile(fd, {static_cast<const std::byte*>(address), size});
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  if (fd_ >= 0) ::close(fd_);
}

bool MappedFile::unchanged() const {
  struct stat status {};
  return ::fstat(fd_, &status) == 0 && static_cast<std::size_t>(status.st_size) == bytes_.size();
}

}  // namespace troupe
