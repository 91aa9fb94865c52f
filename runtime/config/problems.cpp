#include "runtime/config/problems.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/utf8.hpp"

namespace troupe::config {
namespace {

constexpr std::size_t kShownBytes = 60;
constexpr std::size_t kShownLine = 110;

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_character_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      static constexpr char kDigits[] = "0123456789abcdef";
      out += byte == '\t' ? "\\t" : std::string("\\x") + kDigits[byte >> 4] + kDigits[byte & 15];
      ++at;
    } else {
      out.append(text.substr(at, length));
      at += length;
    }
  }
  return out;
}

/// Never cuts a character in two.
std::string_view cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  text = text.substr(0, bytes);
  text.remove_suffix(incomplete_utf8_suffix(text));
  return text;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string_view line_of(std::string_view text, std::size_t line) {
  for (std::size_t number = 1; number < line; ++number) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  const std::string_view shown = cut(text, kShownBytes);
  return '"' + printable(shown) + (shown.size() < text.size() ? "...\"" : "\"");
}

Error file_too_large(const std::string& file) {
  return {ErrorCode::kConfig,
          file + ":1:1: error: the file is larger than 1 MiB\n  expected a configuration of 1 MiB at most"};
}

std::string one_of(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

Problems::Problems(std::string file, std::string_view text) : file_(std::move(file)), text_(text) {}

void Problems::add(Place place, std::string message, std::string expected) {
  if (full()) {
    ++left_out_;
    return;
  }
  found_.push_back({place, {}, std::move(message), std::move(expected)});
}

void Problems::add_elsewhere(const std::string& source, std::string message, std::string expected) {
  if (full()) {
    ++left_out_;
    return;
  }
  found_.push_back({{}, source, std::move(message), std::move(expected)});
}

std::string Problems::render(const Problem& problem) const {
  if (problem.place.line == 0) {
    const std::string source = problem.source.empty() ? file_ : problem.source;
    std::string out = source + ": error: " + problem.message;
    if (!problem.expected.empty()) out += "\n  expected " + problem.expected;
    return out;
  }
  const std::string_view line = line_of(text_, problem.place.line);
  const std::size_t before_bytes = std::min(problem.place.column - 1, line.size());
  const std::size_t column = characters(line.substr(0, before_bytes)) + 1;
  std::string out =
      file_ + ':' + std::to_string(problem.place.line) + ':' + std::to_string(column) + ": error: " + problem.message;
  if (hidden_.contains(problem.place.line)) {
    return out + (problem.expected.empty() ? "" : "\n  expected " + problem.expected);
  }
  // A long line is shown from near the place on.
  std::size_t from = 0;
  if (before_bytes > kShownLine / 2) {
    from = before_bytes - kShownLine / 2;
    while (from < before_bytes && (static_cast<unsigned char>(line[from]) & 0xc0) == 0x80) ++from;
  }
  const std::string before = printable(line.substr(from, before_bytes - from));
  const std::string_view rest = cut(line.substr(before_bytes), kShownLine - (before_bytes - from));
  const std::string marked = printable(rest.substr(0, problem.place.length));
  const std::string number = std::to_string(problem.place.line);
  out += "\n  " + number + " | " + before + printable(rest);
  out += "\n  " + std::string(number.size(), ' ') + " | " + std::string(characters(before), ' ') +
         std::string(std::max<std::size_t>(characters(marked), 1), '^');
  if (!problem.expected.empty()) out += " expected " + problem.expected;
  return out;
}

Error Problems::error() const {
  CHECK(!found_.empty());
  std::vector<const Problem*> ordered;
  for (const Problem& problem : found_) ordered.push_back(&problem);
  std::stable_sort(ordered.begin(), ordered.end(), [](const Problem* a, const Problem* b) {
    return std::pair(a->place.line, a->place.column) < std::pair(b->place.line, b->place.column);
  });
  std::string message;
  for (const Problem* problem : ordered) {
    if (!message.empty()) message += "\n";
    message += render(*problem);
  }
  if (left_out_ > 0) message += "\n... and " + std::to_string(left_out_) + " more; only the first 20 are shown";
  return {ErrorCode::kConfig, message};
}

}  // namespace troupe::config
