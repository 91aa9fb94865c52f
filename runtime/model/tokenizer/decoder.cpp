#include "runtime/model/tokenizer/decoder.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/base/utf8.hpp"
#include "runtime/model/tokenizer/byte_level.hpp"
#include "runtime/model/tokenizer/normalizer.hpp"
#include "runtime/model/tokenizer/unicode.hpp"

namespace troupe::model::tok {
namespace {

constexpr const char* kKnown = "Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip and Metaspace";
constexpr const char* kReplacement = "\xEF\xBF\xBD";
// A literal is looked for at the end of each piece of a stream.
constexpr std::size_t kMaxLiteralBytes = 256;
// A replacement may lengthen a token's text by so much; beyond, the text stays as it is.
constexpr std::size_t kMaxGrowth = std::size_t{1} << 20;

// The byte of "<0x41>".
std::optional<char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  int value = 0;
  for (const char c : token.substr(3, 2)) {
    if (c >= '0' && c <= '9') {
      value = value * 16 + (c - '0');
    } else if (c >= 'A' && c <= 'F') {
      value = value * 16 + (c - 'A' + 10);
    } else if (c >= 'a' && c <= 'f') {
      value = value * 16 + (c - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return static_cast<char>(value);
}

// Bytes at the end of `text` that begin `literal` without completing it.
std::size_t begun(std::string_view text, std::string_view literal) {
  for (std::size_t n = std::min(text.size(), literal.size() - 1); n > 0; --n) {
    if (text.ends_with(literal.substr(0, n))) return n;
  }
  return 0;
}

// Gathers a token that comes in parts; true when it is complete, and then `text` is all of it.
bool whole(StageState& state, std::string& gathered, std::string_view& text, bool ends) {
  if (ends && state.partial.empty()) return true;
  state.partial.append(text);
  if (!ends) return false;
  gathered = std::exchange(state.partial, {});
  text = gathered;
  return true;
}

}  // namespace

Result<Decoder> Decoder::parse(const Fields& tokenizer) {
  Decoder decoder;
  if (!tokenizer.find("decoder")) {
    decoder.stages_.push_back(JoinWithSpaces{});
    return decoder;
  }
  TRY(component, tokenizer.object("decoder"));
  TRY_VOID(decoder.add(component));
  return decoder;
}

Result<void> Decoder::add(const Fields& component) {
  if (stages_.size() >= kMaxComponents) {
    return Error{ErrorCode::kTooLarge, component.where() + ": over " + std::to_string(kMaxComponents) + " decoders"};
  }
  TRY(type, component.text("type"));
  if (type == "Sequence") {
    TRY(parts, component.objects("decoders", kMaxComponents));
    for (const Fields& part : parts) TRY_VOID(add(part));
  } else if (type == "ByteLevel") {
    stages_.push_back(ByteLevel{});
  } else if (type == "ByteFallback") {
    stages_.push_back(ByteFallback{});
  } else if (type == "Fuse") {
    stages_.push_back(Fuse{});
  } else if (type == "Replace") {
    TRY(pattern, parse_pattern(component));
    TRY(content, component.text("content"));
    Replace stage{"", pattern, content};
    TRY(fields, component.object("pattern"));
    if (fields.find("String")) {
      TRY(literal, fields.text("String"));
      stage.literal = literal;
    }
    if (stage.literal.size() > kMaxLiteralBytes) {
      return Error{ErrorCode::kTooLarge,
                   component.where("pattern") + " has over " + std::to_string(kMaxLiteralBytes) + " bytes"};
    }
    stages_.push_back(std::move(stage));
  } else if (type == "Strip") {
    TRY(content, component.text("content"));
    if (content.empty() || character_at(content, 0).length != content.size()) {
      return component.wrong("content", "a string of one character");
    }
    TRY(start, component.number("start", 1 << 20));
    TRY(stop, component.number("stop", 1 << 20));
    stages_.push_back(Strip{content, static_cast<std::size_t>(start), static_cast<std::size_t>(stop)});
  } else if (type == "Metaspace") {
    TRY(fields, MetaspaceFields::parse(component));
    stages_.push_back(Metaspace{fields.replacement, fields.scheme != PrependScheme::kNever});
  } else {
    return component.unsupported("decoder", type, kKnown);
  }
  return {};
}

void Decoder::feed(DecodeState& state, std::size_t at, std::string_view text, bool ends, std::string& out) const {
  if (at == stages_.size()) {
    out.append(text);
  } else if (ends || !text.empty()) {
    std::visit([&](const auto& stage) { run(stage, state, at, text, ends, out); }, stages_[at]);
    if (ends) ++state[at].tokens;
  }
}

void Decoder::finish(DecodeState& state, std::string& out) const {
  for (std::size_t at = 0; at < stages_.size(); ++at) {
    if (std::holds_alternative<ByteLevel>(stages_[at])) {
      feed(state, at + 1, replace_invalid_utf8(state[at].held), true, out);
    } else if (std::holds_alternative<ByteFallback>(stages_[at])) {
      flush_bytes(state, at, out);
    } else if (std::holds_alternative<Fuse>(stages_[at])) {
      feed(state, at + 1, "", true, out);
    }
  }
}

// All tokens' bytes are one text; what cannot begin a character any more is replaced.
void Decoder::run(const ByteLevel&, DecodeState& state, std::size_t at, std::string_view text, bool ends,
                  std::string& out) const {
  std::string gathered;
  if (!whole(state[at], gathered, text, ends)) return;
  std::string& held = state[at].held;
  held += bytes_of_characters(text);
  const std::size_t certain = held.size() - incomplete_utf8_suffix(held);
  const std::string ready = replace_invalid_utf8(std::string_view(held).substr(0, certain));
  held.erase(0, certain);
  feed(state, at + 1, ready, false, out);
}

// A run of byte tokens is text only if all of it is: one wrong byte makes each of them U+FFFD, so the run is kept to
// its end.
void Decoder::run(const ByteFallback&, DecodeState& state, std::size_t at, std::string_view text, bool ends,
                  std::string& out) const {
  std::string gathered;
  if (!whole(state[at], gathered, text, ends)) return;
  if (const auto byte = byte_of_token(text)) {
    state[at].held += *byte;
    return;
  }
  flush_bytes(state, at, out);
  feed(state, at + 1, text, true, out);
}

void Decoder::flush_bytes(DecodeState& state, std::size_t at, std::string& out) const {
  const std::string bytes = std::exchange(state[at].held, {});
  if (bytes.empty()) return;
  if (is_valid_utf8(bytes)) return feed(state, at + 1, bytes, true, out);
  for (std::size_t i = 0; i < bytes.size(); ++i) feed(state, at + 1, kReplacement, true, out);
}

void Decoder::run(const Fuse&, DecodeState& state, std::size_t at, std::string_view text, bool,
                  std::string& out) const {
  feed(state, at + 1, text, false, out);
}

void Decoder::run(const JoinWithSpaces&, DecodeState& state, std::size_t at, std::string_view text, bool ends,
                  std::string& out) const {
  if (state[at].tokens > 0) feed(state, at + 1, " ", false, out);
  feed(state, at + 1, text, ends, out);
}

void Decoder::run(const Replace& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
                  std::string& out) const {
  if (stage.literal.empty()) {
    std::string gathered;
    if (!whole(state[at], gathered, text, ends)) return;
    MatchContext context(text.size());
    const auto replaced = replace_matches(text, *stage.pattern, stage.content, kMaxGrowth + text.size(), context);
    return feed(state, at + 1, replaced.ok() ? *replaced : std::string(text), true, out);
  }
  std::string& held = state[at].held;
  held += text;
  std::string ready;
  std::size_t from = 0;
  for (std::size_t found; (found = held.find(stage.literal, from)) != std::string::npos;
       from = found + stage.literal.size()) {
    if (ready.size() + stage.content.size() > kMaxGrowth + held.size()) break;
    ready.append(held, from, found - from);
    ready += stage.content;
  }
  held.erase(0, from);
  const std::size_t kept = ends ? 0 : begun(held, stage.literal);
  ready.append(held, 0, held.size() - kept);
  held.erase(0, held.size() - kept);
  feed(state, at + 1, ready, ends, out);
}

void Decoder::run(const Strip& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
                  std::string& out) const {
  StageState& strip = state[at];
  std::string ready;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view character = text.substr(i, character_at(text, i).length);
    i += character.size();
    const bool strippable = character == stage.content;
    if (strip.cutting && strippable && strip.cut < stage.start) {
      ++strip.cut;
      continue;
    }
    strip.cutting = false;
    if (strippable && strip.trailing < stage.stop) {
      ++strip.trailing;
      continue;
    }
    for (; !strippable && strip.trailing > 0; --strip.trailing) ready += stage.content;
    ready += character;
  }
  if (ends) {
    strip.cut = strip.trailing = 0;
    strip.cutting = true;
  }
  feed(state, at + 1, ready, ends, out);
}

void Decoder::run(const Metaspace& stage, DecodeState& state, std::size_t at, std::string_view text, bool ends,
                  std::string& out) const {
  const bool drop = stage.drop_first && state[at].tokens == 0;
  std::string ready;
  std::size_t from = 0;
  for (std::size_t found; (found = text.find(stage.replacement, from)) != std::string_view::npos;
       from = found + stage.replacement.size()) {
    ready.append(text, from, found - from);
    if (!drop) ready += ' ';
  }
  ready.append(text.substr(from));
  feed(state, at + 1, ready, ends, out);
}

std::string Decoder::bytes_of(std::string_view token) const {
  for (const Stage& stage : stages_) {
    if (std::holds_alternative<ByteLevel>(stage)) return bytes_of_characters(token);
    if (std::holds_alternative<ByteFallback>(stage)) {
      if (const auto byte = byte_of_token(token)) return std::string(1, *byte);
    }
  }
  // Decoded between two others, so that nothing counts as the beginning or the end of the text.
  const auto decode = [&](std::initializer_list<std::string_view> tokens) {
    DecodeState state = start();
    std::string out;
    for (const auto each : tokens) push(state, each, out);
    finish(state, out);
    return out;
  };
  const std::string side = decode({"x"}), all = decode({"x", token, "x"});
  if (!all.starts_with(side) || !all.ends_with(side) || all.size() < 2 * side.size()) return all;
  std::string middle = all.substr(side.size(), all.size() - 2 * side.size());
  if (stages_.size() == 1 && std::holds_alternative<JoinWithSpaces>(stages_[0])) middle.pop_back();
  return middle;
}

}  // namespace troupe::model::tok
