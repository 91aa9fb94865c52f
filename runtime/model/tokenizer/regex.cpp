#include "runtime/model/tokenizer/regex.hpp"

#include <oniguruma.h>

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/model/tokenizer/unicode.hpp"

namespace troupe::model::tok {
namespace {

constexpr std::size_t kMaxPatternBytes = 64 * 1024;
// A search may go back this often without asking; most need a handful.
constexpr unsigned long kFreeRetries = 256;
// What an encoding may spend beyond that, about a second of a core, and what each byte of text adds: a long run of one
// letter needs about one retry a byte, and a search is repeated with a larger allowance until it fits.
constexpr std::uint64_t kBaseBudget = 50'000'000;
constexpr std::uint64_t kBudgetPerByte = 64;
// Entries of about 40 bytes: a run of 4 Mi characters fits.
constexpr unsigned kMaxStackEntries = 4u << 20;

void initialize_once() {
  static const int status = [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    return onig_initialize(encodings, 1);
  }();
  CHECK(status == ONIG_NORMAL, status);
}

std::string message_of(int status, OnigErrorInfo* info = nullptr) {
  OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int n = info ? onig_error_code_to_str(text, status, info) : onig_error_code_to_str(text, status);
  return std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(std::max(n, 0)));
}

const OnigUChar* bytes(const char* text) { return reinterpret_cast<const OnigUChar*>(text); }

}  // namespace

MatchContext::MatchContext(std::size_t text_bytes)
    : region_(onig_region_new()),
      limits_(onig_new_match_param()),
      retries_left_(kBaseBudget + kBudgetPerByte * text_bytes) {
  CHECK(region_ && limits_, "out of memory");
  onig_set_match_stack_limit_size_of_match_param(limits_, kMaxStackEntries);
}

MatchContext::~MatchContext() {
  onig_region_free(region_, 1);
  onig_free_match_param(limits_);
}

Result<std::shared_ptr<const Regex>> Regex::compile(std::string_view pattern, const std::string& where) {
  if (pattern.size() > kMaxPatternBytes) {
    return Error{ErrorCode::kTooLarge, where + ": a pattern of " + std::to_string(pattern.size()) +
                                           " bytes; the limit is " + std::to_string(kMaxPatternBytes)};
  }
  initialize_once();
  regex_t* compiled = nullptr;
  OnigErrorInfo info;
  const int status = onig_new(&compiled, bytes(pattern.data()), bytes(pattern.data() + pattern.size()),
                              ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_DEFAULT, &info);
  if (status != ONIG_NORMAL) {
    return Error{ErrorCode::kInvalidInput,
                 where + ": the pattern is no regular expression of Oniguruma's: " + message_of(status, &info)};
  }
  return std::shared_ptr<const Regex>(new Regex(compiled, replace_invalid_utf8(pattern.substr(0, 80))));
}

Regex::~Regex() { onig_free(compiled_); }

std::string Regex::escape(std::string_view literal) {
  constexpr std::string_view kSpecial = "\\.+*?()|[]{}^$#&-~";
  std::string pattern;
  for (const char c : literal) {
    if (kSpecial.find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// Begins with the free allowance and multiplies it while the budget lasts, so that what a text costs is bounded by its
// length and the budget, however the pattern is written.
int Regex::search(std::string_view text, std::size_t from, MatchContext& context) const {
  for (unsigned long allowed = kFreeRetries;; allowed *= 8) {
    if (allowed > kFreeRetries) {
      if (context.retries_left_ == 0) return ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
      allowed = std::min<std::uint64_t>(allowed, context.retries_left_);
      context.retries_left_ -= allowed;
    }
    onig_set_retry_limit_in_match_of_match_param(context.limits_, allowed);
    onig_set_retry_limit_in_search_of_match_param(context.limits_, allowed);
    const OnigUChar* begin = bytes(text.data());
    const OnigUChar* end = begin + text.size();
    const int at = onig_search_with_param(compiled_, begin, end, begin + from, end, context.region_, ONIG_OPTION_NONE,
                                          context.limits_);
    if (at != ONIGERR_RETRY_LIMIT_IN_MATCH_OVER && at != ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER) return at;
  }
}

Result<void> Regex::spans(std::string_view text, MatchContext& context, std::vector<Span>& out) const {
  out.clear();
  std::size_t covered = 0, from = 0;
  bool any = false;  // a match was found, and the last one ended at `covered`
  // Behind a match that ends the text only an empty one could follow, which does not count.
  while (from <= text.size() && !(any && covered == text.size())) {
    const int at = search(text, from, context);
    if (at == ONIG_MISMATCH) break;
    if (at < 0) {
      return Error{ErrorCode::kTooLarge, "the tokenizer's pattern \"" + pattern_ + "\" takes too long on this text (" +
                                             message_of(at) + "); shorten the text or its long runs"};
    }
    const auto begin = static_cast<std::size_t>(context.region_->beg[0]);
    const auto end = static_cast<std::size_t>(context.region_->end[0]);
    if (begin == end && any && end == covered) {  // empty, right behind the last match: go on a character later
      from = from < text.size() ? from + character_at(text, from).length : text.size() + 1;
      continue;
    }
    if (covered < begin) out.push_back({covered, begin, false});
    out.push_back({begin, end, true});
    covered = from = end;
    any = true;
  }
  if (covered < text.size()) out.push_back({covered, text.size(), false});
  return {};
}

Result<std::string> replace_matches(std::string_view text, const Regex& regex, std::string_view content,
                                    std::size_t limit_bytes, MatchContext& context) {
  std::vector<Span> spans;
  TRY_VOID(regex.spans(text, context, spans));
  std::string out;
  for (const Span& span : spans) {
    const std::string_view piece = span.match ? content : text.substr(span.begin, span.end - span.begin);
    if (piece.size() > limit_bytes - out.size()) {
      return Error{ErrorCode::kTooLarge, "the tokenizer's replacements make this text longer than " +
                                             std::to_string(limit_bytes) + " bytes; shorten it"};
    }
    out.append(piece);
  }
  return out;
}

}  // namespace troupe::model::tok
