// Reads the JSON of a tokenizer file. Vocabulary and merges, which are nearly all of it, go straight into flat lists;
// the rest becomes a small tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe::model::tok {

inline constexpr std::size_t kMaxFileBytes = std::size_t{256} << 20;

/// Texts one behind the other, by their ends.
struct TextList {
  std::string bytes;
  std::vector<std::uint32_t> ends;
  void add(std::string_view text) {
    bytes.append(text);
    ends.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  std::size_t size() const { return ends.size(); }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(bytes).substr(begin, ends[i] - begin);
  }
};

struct TokenizerFile {
  nlohmann::json rest;            ///< the file without model.vocab and model.merges
  TextList vocabulary;            ///< model.vocab's texts, in the file's order
  std::vector<std::int64_t> ids;  ///< and their ids, each in [0, kMaxTokenId)
  TextList merges;                ///< left, right, left, right, ... in the order of their ranks
  bool has_vocabulary = false;    ///< model.vocab is there and an object
  bool has_merges = false;
};

/// kInvalidInput with line and column, kTooLarge past the limits on size, nesting and elements. Messages begin with
/// `name`.
Result<TokenizerFile> read_tokenizer_file(std::string_view json, const std::string& name);

}  // namespace troupe::model::tok
