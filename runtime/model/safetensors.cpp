#include "runtime/model/safetensors.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "runtime/model/json_fields.hpp"

namespace troupe::model {
namespace {

constexpr std::uint64_t kHeaderLimit = 16 << 20;  // 100,000 tensors; the reference implementation allows 100 MB
constexpr std::size_t kMaxDimensions = 8;
constexpr std::size_t kLengthBytes = 8;

struct Format {
  const char* name;
  std::int64_t bytes;
};
constexpr std::array kFormats{Format{"BOOL", 1},    Format{"U8", 1},      Format{"I8", 1},  Format{"F8_E5M2", 1},
                              Format{"F8_E4M3", 1}, Format{"F8_E8M0", 1}, Format{"I16", 2}, Format{"U16", 2},
                              Format{"F16", 2},     Format{"BF16", 2},    Format{"I32", 4}, Format{"U32", 4},
                              Format{"F32", 4},     Format{"I64", 8},     Format{"U64", 8}, Format{"F64", 8},
                              Format{"C64", 8}};

Error invalid(const std::string& where, const std::string& message) {
  return {ErrorCode::kInvalidInput, where + ": " + message};
}

Result<StoredTensor> parse_tensor(const nlohmann::json& entry, const std::string& where,
                                  std::span<const std::byte> data) {
  if (!entry.is_object()) return invalid(where, "expected an object, found " + shown(entry) + ".");
  const JsonFields fields(entry, where);
  TRY(dtype, fields.text("dtype"));
  if (!dtype) return fields.wrong("dtype", "a string");
  const auto format = std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& f) { return *dtype == f.name; });
  if (format == kFormats.end())
    return Error{ErrorCode::kUnsupported, where + ": the tensor format " + shown(*dtype) + " is not supported."};

  StoredTensor tensor{*dtype, {}, {}};
  const auto* shape = fields.find("shape");
  if (!shape || !shape->is_array() || shape->size() > kMaxDimensions)
    return fields.wrong("shape", "a list of at most " + std::to_string(kMaxDimensions) + " dimensions");
  std::uint64_t bytes = static_cast<std::uint64_t>(format->bytes);
  for (const auto& dimension : *shape) {
    if (!dimension.is_number_unsigned() || dimension.get<std::uint64_t>() > (std::uint64_t{1} << 40))
      return fields.wrong("shape", "dimensions from 0 to 2^40");
    tensor.shape.push_back(dimension.get<std::int64_t>());
    if (__builtin_mul_overflow(bytes, dimension.get<std::uint64_t>(), &bytes))
      return fields.wrong("shape", "fewer than 2^64 bytes");
  }

  const auto* offsets = fields.find("data_offsets");
  if (!offsets || !offsets->is_array() || offsets->size() != 2 || !(*offsets)[0].is_number_unsigned() ||
      !(*offsets)[1].is_number_unsigned())
    return fields.wrong("data_offsets", "two byte offsets");
  const auto begin = (*offsets)[0].get<std::uint64_t>(), end = (*offsets)[1].get<std::uint64_t>();
  if (begin > end) return invalid(where, "data_offsets end before they begin.");
  if (end > data.size())
    return invalid(where, "ends at byte " + std::to_string(end) + " of the data, but the file has only " +
                              std::to_string(data.size()) + " bytes of it. The file is cut short: fetch it again.");
  if (end - begin != bytes)
    return invalid(where, "has " + std::to_string(end - begin) + " bytes; its shape and dtype need " +
                              std::to_string(bytes) + ".");
  tensor.bytes = data.subspan(begin, bytes);
  return tensor;
}

Result<void> check_no_overlap(const std::map<std::string, StoredTensor, std::less<>>& tensors,
                              const std::string& path) {
  struct Extent {
    const std::byte* begin;
    const std::byte* end;
    const std::string* name;
  };
  std::vector<Extent> extents;
  for (const auto& [name, tensor] : tensors)
    if (!tensor.bytes.empty())
      extents.push_back({tensor.bytes.data(), tensor.bytes.data() + tensor.bytes.size(), &name});
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < extents.size(); ++i)
    if (extents[i].begin < extents[i - 1].end)
      return invalid(path,
                     "the tensors " + shown(*extents[i - 1].name) + " and " + shown(*extents[i].name) + " overlap.");
  return {};
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path) {
  TRY(mapped, MappedFile::open(path));
  SafetensorsFile out(path, std::move(mapped));
  const auto file = out.file_.bytes();
  if (file.size() < kLengthBytes)
    return invalid(path, "is " + std::to_string(file.size()) + " bytes long: too short for a safetensors file.");
  std::uint64_t header_bytes = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) header_bytes = header_bytes << 8 | static_cast<std::uint64_t>(file[i]);
  if (header_bytes > kHeaderLimit)
    return invalid(path, "its header claims " + std::to_string(header_bytes) + " bytes; the limit is " +
                             std::to_string(kHeaderLimit) + ". This is no safetensors file.");
  if (header_bytes > file.size() - kLengthBytes)
    return invalid(path, "its header claims " + std::to_string(header_bytes) + " bytes, but the file has only " +
                             std::to_string(file.size()) + ". It is cut short: fetch it again.");
  const std::string_view header(reinterpret_cast<const char*>(file.data()) + kLengthBytes, header_bytes);
  TRY(json, parse_json(header, path + ": header"));
  if (!json.is_object()) return invalid(path, "its header is " + shown(json) + "; expected a JSON object.");
  const auto data = file.subspan(kLengthBytes + header_bytes);
  for (const auto& [name, entry] : json.items()) {
    if (name == "__metadata__") continue;
    TRY(tensor, parse_tensor(entry, path + ": tensor " + shown(name), data));
    out.tensors_.emplace(name, std::move(tensor));
  }
  TRY_VOID(check_no_overlap(out.tensors_, path));
  return out;
}

}  // namespace troupe::model
