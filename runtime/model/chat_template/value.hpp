// The values that templates compute with, as Python has them: what they hold, how they compare, what counts as a key.
//
// A Value is a small handle; strings, lists and dicts are shared and, once made, unchanged. Namespaces and iterators
// change: they belong to one render and never reach a parsed template. One render uses its values on one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/model/chat_template/budget.hpp"
#include "runtime/model/chat_template/text.hpp"

namespace troupe::model::jinja {

class Evaluator;
struct Value;
struct Arguments;
struct Statement;
struct Scope;
using Values = std::vector<Value>;

/// In the order of Value::content's alternatives. kBigInt: an integer from JSON in [2^63, 2^64), which is only shown
/// and compared.
enum class Kind {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kBigInt,
  kFloat,
  kString,
  kSequence,
  kDict,
  kRange,
  kNamespace,
  kLoop,
  kMacro,
  kMethod,
  kFunction
};

/// jinja2's Undefined: prints empty, is false, iterates as nothing; anything else done with it is the error `why`.
struct Undefined {
  std::shared_ptr<const std::string> why;
};

/// What Python type a sequence is. kKeys, kValues, kItems: views of a dict. kIterator: a generator, good for one pass.
enum class Flavor { kList, kTuple, kKeys, kValues, kItems, kIterator };

struct Sequence;
class Dict;
struct Range;
struct Namespace;
struct Loop;
struct Macro;
struct Method;

/// The functions that every template sees.
enum class Function { kRange, kDict, kNamespace, kRaiseException, kStrftimeNow, kJoiner };

struct Value {
  using Content =
      std::variant<Undefined, std::monostate, bool, std::int64_t, std::uint64_t, double, std::shared_ptr<const Text>,
                   std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>, std::shared_ptr<const Range>,
                   std::shared_ptr<Namespace>, std::shared_ptr<Loop>, std::shared_ptr<const Macro>,
                   std::shared_ptr<const Method>, Function>;
  Content content;
  bool trusted =
      true;  ///< of a number, bool or None: whether its digits are the template's; strings keep it byte by byte
  bool markup = false;  ///< of a string: marked safe, so that `+` escapes what is joined to it (markupsafe.Markup)

  Kind kind() const { return static_cast<Kind>(content.index()); }
  bool is_undefined() const { return kind() == Kind::kUndefined; }
  bool is_none() const { return kind() == Kind::kNone; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_dict() const { return kind() == Kind::kDict; }
  bool is_number() const { return kind() >= Kind::kBool && kind() <= Kind::kFloat; }
  /// bool and int, which Python uses alike as indices and counts.
  bool is_integer() const { return kind() == Kind::kBool || kind() == Kind::kInt; }
  bool is_list() const;  ///< a list or tuple
  bool is_flavor(Flavor flavor) const;

  const Text& text() const { return *std::get<std::shared_ptr<const Text>>(content); }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(content); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(content); }
  const Range& range() const { return *std::get<std::shared_ptr<const Range>>(content); }
  Namespace& name_space() const { return *std::get<std::shared_ptr<Namespace>>(content); }
  Loop& loop() const { return *std::get<std::shared_ptr<Loop>>(content); }
  /// A bool's or int's number.
  std::int64_t integer() const;
  /// Any number's nearest double.
  double number() const;
};

Value none();
Value boolean(bool value, bool trusted = true);
Value integer(std::int64_t value, bool trusted = true);
Value floating(double value, bool trusted = true);
Value string(Text text);
/// A string of the template's own.
Value literal(std::string_view text);
/// `why` is the sentence that its use as anything but nothing gives.
Value undefined(std::string why);
Value function(Function which);

/// Elements in order. `next` and `failure` are an iterator's: how far it was read, and the error that stands behind its
/// last element.
struct Sequence {
  Flavor flavor = Flavor::kList;
  Values items;
  int depth = 1;  ///< 1 + the deepest element's
  mutable std::size_t next = 0;
  std::optional<Error> failure = std::nullopt;
};

/// Keys in insertion order; a key is a string, number, bool or None (tuples are refused).
class Dict {
 public:
  struct Entry;
  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  int depth() const { return depth_; }
  const Value* find(std::string_view key) const;
  /// Null where absent, and where `key` cannot be a key.
  const Value* find(const Value& key) const;
  /// Adds or replaces, and pays for the key. kInvalidInput for a value that cannot be a key.
  Result<void> set(Budget& budget, Value key, Value value);

 private:
  const Value* find_canonical(const std::string& key) const;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> places_;  ///< by canonical key, once there are many
  int depth_ = 1;
};

struct Dict::Entry {
  Value key;
  Value value;
};

/// Python's range: start, start + step, ...; `count` numbers.
struct Range {
  std::int64_t start = 0, stop = 0, step = 1, count = 0;
  Value at(std::int64_t index) const { return integer(start + index * step, trusted); }
  bool trusted = true;
};

/// What `namespace()` makes: the only thing `set` can change from within an inner scope. A joiner is one that can be
/// called.
struct Namespace {
  Dict attributes;
  bool is_joiner = false;
};

/// `loop` in a for body.
struct Loop {
  std::shared_ptr<const Sequence> items;
  std::int64_t index0 = 0;
  std::optional<Value> last_changed = std::nullopt;
};

/// A macro, or the body of a call block (`caller`), with the scope that it was defined in. Both outlive the render's
/// values.
struct Macro {
  const Statement* statement;
  Scope* scope;
};

/// A method taken off a value: `value.name`, not called yet.
using MethodFunction = Result<Value> (*)(Evaluator&, const Value& self, const Arguments& arguments);
struct Method {
  Value self;
  std::string name;
  MethodFunction function;
};

/// How deep data is nested: 0 for a number or string.
int depth_of(const Value& value);

/// A sequence that paid for its elements.
Result<Value> make_sequence(Budget& budget, Flavor flavor, Values items);
/// A dict, once it is complete.
Result<Value> make_dict(Budget& budget, Dict dict);

/// Python's type name, for messages: "str", "list", "Undefined".
std::string type_name(const Value& value);

bool is_true(const Value& value);

/// `==`. Data deeper than the nesting limit cannot be made, so the recursion is bounded.
Result<bool> equal(Budget& budget, const Value& a, const Value& b);
/// `<`; kInvalidInput for types without an order.
Result<bool> less(Budget& budget, const Value& a, const Value& b);

/// Bytes that are equal for keys that Python holds equal (1, 1.0 and True), or nothing for a value that cannot be a
/// key.
std::optional<std::string> canonical_key(const Value& value);

/// The context's variables: see ChatTemplate::render for what is trusted.
Result<Dict> context_from_json(Budget& budget, const nlohmann::ordered_json& context);

}  // namespace troupe::model::jinja
