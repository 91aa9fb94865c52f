#include "runtime/config/document.hpp"

#include <algorithm>
#include <sstream>
#include <unordered_set>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "runtime/base/utf8.hpp"

namespace troupe::config {
namespace {

/// Thrown through yaml-cpp to stop it; what is wrong is in the problems by then.
struct Stop {};

/// Builds the tree from the parser's events, so that a bound is met before the memory is spent.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(Problems& problems, std::size_t most_nodes) : problems_(problems), most_nodes_(most_nodes) {}

  std::optional<Node> take() { return std::move(root_); }

  Place start() const { return start_; }

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = place_of(mark); }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node = begin(mark, "?", anchor);
    attach(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases (*name) are not supported", "the value itself");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = begin(mark, tag, anchor);
    node.kind = Node::Kind::kScalar;
    node.text = value;
    node.plain = tag == "?";
    node.place.length = value.size() + (node.plain ? 0 : 2);
    attach(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::kSequence);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::kMapping);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Node node;
    std::optional<Node> key;
    std::unordered_set<std::string> seen;
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string message, std::string expected) {
    problems_.add(place_of(mark), std::move(message), std::move(expected));
    throw Stop{};
  }

  static Place place_of(const YAML::Mark& mark) {
    return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1, 1};
  }

  Node begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark, "anchors (&name) are not supported", "the value without an anchor");
    if (!tag.empty() && tag != "?" && tag != "!")
      refuse(mark, "tags (!name) are not supported", "the value without a tag");
    if (++nodes_ > most_nodes_) refuse(mark, "more than " + std::to_string(most_nodes_) + " values", "a smaller file");
    Node node;
    node.place = place_of(mark);
    return node;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    Node node = begin(mark, tag, anchor);
    if (levels_.size() >= kMostDepth) {
      refuse(mark, "nested more than " + std::to_string(kMostDepth) + " levels deep", "a flatter file");
    }
    node.kind = kind;
    levels_.push_back({std::move(node), {}, {}});
  }

  void close() {
    Node node = std::move(levels_.back().node);
    levels_.pop_back();
    attach(std::move(node));
  }

  void attach(Node node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == Node::Kind::kSequence) {
      level.node.items.push_back(std::move(node));
    } else if (!level.key) {
      if (node.kind != Node::Kind::kScalar) {
        problems_.add(node.place, "a key must be a word, not " + node.described(), "`key: value`");
        throw Stop{};
      }
      level.key = std::move(node);
    } else {
      if (level.seen.insert(level.key->text).second) {
        level.node.entries.push_back({std::move(*level.key), std::move(node)});
      } else {
        problems_.add(level.key->place, "the key " + in_quotes(level.key->text) + " is there twice", "each key once");
      }
      level.key.reset();
    }
  }

  Problems& problems_;
  std::size_t most_nodes_;
  std::vector<Level> levels_;
  std::optional<Node> root_;
  Place start_;
  std::size_t nodes_ = 0;
};

/// What yaml-cpp would read in its own way, or not report well: bytes that are not text, and tabs in indentation.
bool acceptable_text(std::string_view text, Problems& problems) {
  std::size_t line = 1;
  std::size_t line_start = 0;
  bool indentation = true;
  for (std::size_t at = 0; at < text.size();) {
    const Place place{line, at - line_start + 1, 1};
    const std::size_t length = utf8_character_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0) {
      problems.add(place, "not UTF-8 text", "a file saved as UTF-8");
      return false;
    }
    const bool line_end = byte == '\n' || (byte == '\r' && at + 1 < text.size() && text[at + 1] == '\n');
    if ((byte < 0x20 && byte != '\t' && !line_end) || byte == 0x7f) {
      problems.add(place, "a control character", "text without control characters");
      return false;
    }
    if (byte == '\t' && indentation) {
      problems.add(place, "a tab in the indentation", "spaces: YAML does not allow tabs here");
      return false;
    }
    at += length;
    if (byte == '\n') {
      ++line;
      line_start = at;
      indentation = true;
    } else if (byte != ' ') {
      indentation = false;
    }
  }
  return true;
}

}  // namespace

std::string Node::described() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return in_quotes(text);
    case Kind::kSequence:
      return "a list";
    case Kind::kMapping:
      return "a mapping";
  }
  return "nothing";
}

bool is_cluster(const Node& root) {
  return std::any_of(root.entries.begin(), root.entries.end(),
                     [](const Entry& entry) { return entry.key.text == "nodes" || entry.key.text == "cluster"; });
}

std::optional<Node> parse_document(std::string_view text, Problems& problems, std::size_t most_nodes) {
  if (text.size() > kMostFileBytes) {
    problems.add({1, 1, 1}, "the file is larger than 1 MiB", "a configuration of 1 MiB at most");
    return {};
  }
  if (text.starts_with("\xef\xbb\xbf")) {
    problems.add({1, 1, 3}, "the file starts with a byte order mark", "plain UTF-8 without one");
    return {};
  }
  if (!acceptable_text(text, problems)) return {};
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(problems, most_nodes);
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    TreeBuilder second(problems, most_nodes);
    if (parser.HandleNextDocument(second)) {
      problems.add(second.start(), "the file has more than one YAML document", "one document, without `---` inside");
      return {};
    }
  } catch (const Stop&) {
    return {};
  } catch (const YAML::Exception& exception) {
    const Place place{static_cast<std::size_t>(std::max(exception.mark.line, 0)) + 1,
                      static_cast<std::size_t>(std::max(exception.mark.column, 0)) + 1, 1};
    problems.add(place, "not valid YAML: " + exception.msg, "`key: value` lines, two spaces deeper for each section");
    return {};
  }
  std::optional<Node> root = builder.take();
  if (!root || root->kind == Node::Kind::kNull) {
    root.emplace();
    root->kind = Node::Kind::kMapping;
    root->place = {1, 1, 1};
  }
  return root;
}

}  // namespace troupe::config
