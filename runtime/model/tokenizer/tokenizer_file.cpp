#include "runtime/model/tokenizer/tokenizer_file.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/base/utf8.hpp"
#include "runtime/model/tokenizer/vocabulary.hpp"

namespace troupe::model::tok {
namespace {

constexpr std::size_t kMaxDepth = 48;
constexpr std::size_t kMaxTreeValues = 1'000'000;  // outside vocabulary and merges

// A callback that returns false ends the parse; `failure` then says why.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Reader(TokenizerFile& file) : file_(file) {}
  const std::optional<Error>& failure() const { return failure_; }

  bool null() override { return place(nullptr); }
  bool boolean(bool value) override { return place(value); }
  bool number_integer(number_integer_t value) override { return number(value, value); }
  bool number_unsigned(number_unsigned_t value) override {
    return number(value, static_cast<std::int64_t>(std::min<number_unsigned_t>(value, kMaxTokenId)));
  }
  bool number_float(number_float_t value, const string_t&) override { return place(value); }
  bool binary(binary_t&) override { return fail(ErrorCode::kInvalidInput, "binary data in JSON"); }

  bool string(string_t& value) override {
    if (area_ == Area::kMerges) return merge(value);
    if (area_ == Area::kPair) {
      if (++pair_size_ > 2) return wrong_merge("has more than two texts");
      file_.merges.add(value);
      return true;
    }
    return place(std::move(value));
  }

  bool start_object(std::size_t) override {
    if (skipped_ == 0 && area_ == Area::kTree && at_model_field("vocab")) {
      if (file_.has_vocabulary) return fail(ErrorCode::kInvalidInput, "model.vocab stands in the file twice");
      file_.has_vocabulary = true;
      area_ = Area::kVocabulary;
      return true;
    }
    return open(nlohmann::json::object());
  }
  bool end_object() override {
    if (area_ == Area::kVocabulary) {
      area_ = Area::kTree;
      return true;
    }
    return close();
  }

  bool start_array(std::size_t) override {
    if (area_ == Area::kMerges) {
      area_ = Area::kPair;
      pair_size_ = 0;
      return true;
    }
    if (skipped_ > 0) return ++skipped_ <= kMaxDepth || too_deep();
    if (area_ == Area::kTree && at_model_field("merges")) {
      if (file_.has_merges) return fail(ErrorCode::kInvalidInput, "model.merges stands in the file twice");
      file_.has_merges = true;
      area_ = Area::kMerges;
      return true;
    }
    // A model of another kind keeps its vocabulary in an array; its name is refused later, without having read this.
    if (area_ == Area::kTree && at_model_field("vocab")) {
      skipped_ = 1;
      return true;
    }
    return open(nlohmann::json::array());
  }
  bool end_array() override {
    if (skipped_ > 0) {
      --skipped_;
      return true;
    }
    if (area_ == Area::kPair) {
      if (pair_size_ != 2) return wrong_merge("has fewer than two texts");
      area_ = Area::kMerges;
      return true;
    }
    if (area_ == Area::kMerges) {
      area_ = Area::kTree;
      return true;
    }
    return close();
  }

  bool key(string_t& value) override {
    if (skipped_ > 0) return true;
    if (area_ == Area::kVocabulary) {
      file_.vocabulary.add(value);
      return true;
    }
    if (stack_.back()->contains(value)) {
      return fail(ErrorCode::kInvalidInput, "the key \"" + clip(value) + "\" stands twice in one object");
    }
    keys_.back() = std::move(value);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    const std::string_view text =
        error.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const std::size_t begin = text.find("] ");
    return fail(ErrorCode::kInvalidInput,
                replace_invalid_utf8(text.substr(begin == std::string_view::npos ? 0 : begin + 2, 300)));
  }

 private:
  enum class Area { kTree, kVocabulary, kMerges, kPair };

  static std::string clip(std::string_view text) { return replace_invalid_utf8(text.substr(0, 80)); }
  bool fail(ErrorCode code, std::string message) {
    if (!failure_) failure_ = Error{code, std::move(message)};
    return false;
  }
  bool too_deep() {
    return fail(ErrorCode::kTooLarge, "values are nested more than " + std::to_string(kMaxDepth) + " deep");
  }
  bool wrong_merge(const std::string& what) {
    const std::size_t of_this = area_ == Area::kPair ? static_cast<std::size_t>(std::min(pair_size_, 2)) : 0;
    const std::size_t rank = (file_.merges.size() - of_this) / 2;
    return fail(ErrorCode::kInvalidInput, "model.merges[" + std::to_string(rank) + "] " + what +
                                              R"(; expected "left right" or ["left", "right"])");
  }
  bool at_model_field(const char* field) const {
    return stack_.size() == 2 && keys_[0] == "model" && keys_[1] == field;
  }

  bool merge(std::string_view text) {
    if (text.starts_with("#version")) return true;
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      return wrong_merge("is \"" + clip(text) + "\"");
    }
    file_.merges.add(text.substr(0, space));
    file_.merges.add(text.substr(space + 1));
    return true;
  }

  template <class Number>
  bool number(Number value, std::int64_t id) {
    if (area_ != Area::kVocabulary) return place(value);
    if (id < 0 || id >= kMaxTokenId) {
      return fail(ErrorCode::kInvalidInput, "model.vocab: \"" + clip(file_.vocabulary[file_.ids.size()]) +
                                                "\" has the id " + std::to_string(value) + ", expected one from 0 to " +
                                                std::to_string(kMaxTokenId - 1));
    }
    file_.ids.push_back(id);
    return true;
  }

  // Refuses a value where vocabulary or merges have no place for it.
  bool check_area(const char* kind) {
    if (area_ == Area::kVocabulary) {
      return fail(ErrorCode::kInvalidInput, "model.vocab: \"" + clip(file_.vocabulary[file_.ids.size()]) + "\" has " +
                                                kind + " for an id, expected a whole number");
    }
    return area_ == Area::kTree || wrong_merge(std::string("has ") + kind);
  }

  // Puts `value` into the tree; returns where it is, or nullptr past the limit.
  nlohmann::json* put(nlohmann::json&& value) {
    if (++values_ > kMaxTreeValues) {
      fail(ErrorCode::kTooLarge,
           "more than " + std::to_string(kMaxTreeValues) + " values beside vocabulary and merges");
      return nullptr;
    }
    if (stack_.empty()) return &(file_.rest = std::move(value));
    nlohmann::json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[keys_.back()] = std::move(value));
  }
  template <class Value>
  bool place(Value&& value) {
    if (skipped_ > 0) return true;
    return check_area("a value of another kind") && put(nlohmann::json(std::forward<Value>(value))) != nullptr;
  }
  bool open(nlohmann::json&& value) {
    if (skipped_ > 0) return ++skipped_ <= kMaxDepth || too_deep();
    if (!check_area("an object or array")) return false;
    if (stack_.size() >= kMaxDepth) return too_deep();
    nlohmann::json* placed = put(std::move(value));
    if (!placed) return false;
    stack_.push_back(placed);
    keys_.emplace_back();
    return true;
  }
  bool close() {
    if (skipped_ > 0) {
      --skipped_;
      return true;
    }
    stack_.pop_back();
    keys_.pop_back();
    return true;
  }

  TokenizerFile& file_;
  std::optional<Error> failure_;
  Area area_ = Area::kTree;
  std::vector<nlohmann::json*>
      stack_;  // the open objects and arrays; an array's elements move only while none of them is open
  std::vector<std::string> keys_;  // the current key of each
  std::size_t values_ = 0;
  std::size_t skipped_ = 0;  // open arrays and objects of a vocabulary that is passed over
  int pair_size_ = 0;
};

}  // namespace

Result<TokenizerFile> read_tokenizer_file(std::string_view json, const std::string& name) {
  if (json.size() > kMaxFileBytes) {
    return Error{ErrorCode::kTooLarge, name + " has " + std::to_string(json.size()) + " bytes; the limit is " +
                                           std::to_string(kMaxFileBytes)};
  }
  TokenizerFile file;
  Reader reader(file);
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader)) {
    const Error unknown{ErrorCode::kInvalidInput, "is not JSON"};
    return reader.failure().value_or(unknown).within(name);
  }
  return file;
}

}  // namespace troupe::model::tok
