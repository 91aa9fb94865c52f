// One *.safetensors file, mapped read-only: 8 bytes of header length, a JSON header, then the tensors' bytes.
// Everything that the header claims is checked against the file before a tensor is handed out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/file.hpp"
#include "runtime/base/result.hpp"

namespace troupe::model {

/// A tensor inside a mapped file. `bytes` may have any alignment and lives as long as its file.
struct StoredTensor {
  std::string dtype;                ///< the format's name: "F32", "F16", "BF16", and others that no model of ours uses
  std::vector<std::int64_t> shape;  ///< at most 8 dimensions
  std::span<const std::byte> bytes;
};

class SafetensorsFile {
 public:
  /// Maps and validates: the header fits its bound (16 MiB) and the file; each dtype is known; shape x dtype = bytes;
  /// no two tensors overlap; all lie in the file; no name twice.
  static Result<SafetensorsFile> open(const std::string& path);

  const std::map<std::string, StoredTensor, std::less<>>& tensors() const { return tensors_; }
  const std::string& path() const { return path_; }
  /// Whether the file still has the size that was mapped: false means that reading may fault.
  bool unchanged() const { return file_.unchanged(); }

 private:
  SafetensorsFile(std::string path, MappedFile file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  MappedFile file_;
  std::map<std::string, StoredTensor, std::less<>> tensors_;
};

}  // namespace troupe::model
