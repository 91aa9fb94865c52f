// A parsed template: statements and expressions, with names interned and filters and tests resolved.
//
// What Jinja reads as deep trees of one shape (a + b + c, x.a.b[0]|f, a if b else c if d else e) is one node with a
// list here, so that the depth of a tree is the depth of the source's own nesting, which the parser bounds.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/model/chat_template/arguments.hpp"
#include "runtime/model/chat_template/lexer.hpp"
#include "runtime/model/chat_template/value.hpp"

namespace troupe::model::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<const Expression>;
using Block = std::vector<Statement>;
/// Index into ParsedTemplate::names.
using Symbol = int;

/// The arguments of a call, filter or test, before they are evaluated.
struct CallSyntax {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
};

enum class LinkKind { kAttribute, kItem, kSlice, kCall, kFilter, kTest };

/// One step of a chain: `.name`, `[x]`, `[a:b:c]`, `(...)`, `|name(...)`, `is [not] name(...)`.
struct Link {
  LinkKind kind;
  Position at;
  std::string name = {};
  ExpressionPtr item = {};      ///< kItem
  ExpressionPtr slice[3] = {};  ///< kSlice: start, stop, step, each null where left out
  CallSyntax call = {};
  NativeFunction* native = nullptr;  ///< kFilter, kTest
  bool negated = false;              ///< kTest
};

enum class Operator {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn
};

/// kName: symbol. kList, kTuple, kConcatenate, kAnd, kOr: operands. kDict: operands are key, value, key, value...
/// kChain: operands[0] and what links do to it. kNot, kNegate, kPlus: operands[0]. kArithmetic: left to right,
/// operators[i] stands before operands[i + 1]. kCompare: likewise, chained as Python does. kConditional: condition,
/// value, condition, value..., and a last one for else, if their number is odd.
enum class ExpressionKind {
  kConstant,
  kName,
  kList,
  kTuple,
  kDict,
  kChain,
  kNot,
  kNegate,
  kPlus,
  kArithmetic,
  kConcatenate,
  kCompare,
  kAnd,
  kOr,
  kConditional
};

struct Expression {
  ExpressionKind kind;
  Position at;
  Value constant;
  Symbol symbol = -1;
  std::vector<ExpressionPtr> operands;
  std::vector<Operator> operators;
  std::vector<Link> links;
};

/// What `set` and `for` assign to: a name, namespace.attribute, or several targets that a sequence is spread over.
struct Target {
  enum class Kind { kName, kAttribute, kTuple } kind = Kind::kName;
  Position at;
  Symbol symbol = -1;
  std::string attribute;
  std::vector<Target> parts;
};

/// A macro's parameters, and which of the implied ones its body mentions.
struct Signature {
  struct Parameter {
    Symbol symbol;
    ExpressionPtr fallback;  ///< null: without a default
  };
  std::vector<Parameter> parameters;
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
};

struct Branch {
  ExpressionPtr condition;  ///< null: else
  Block body;
};

enum class StatementKind {
  kData,
  kOutput,
  kIf,
  kFor,
  kSet,
  kSetBlock,
  kMacro,
  kCallBlock,
  kFilterBlock,
  kWith,
  kGeneration,
  kBreak,
  kContinue
};

/// kData: value is its text. kOutput: value. kIf: branches. kFor: target, value (what is walked), condition (its
/// filter, or null), body, otherwise. kSet: target, value. kSetBlock: target, body, value (filters over a placeholder,
/// or null). kMacro: symbol, signature, body. kCallBlock: signature, value (the call), body. kFilterBlock: value, body.
/// kWith: bindings, body.
struct Statement {
  StatementKind kind;
  Position at;
  Symbol symbol = -1;
  Target target = {};
  ExpressionPtr value = {};
  ExpressionPtr condition = {};
  Block body = {};
  Block otherwise = {};
  std::vector<Branch> branches = {};
  std::vector<std::pair<Target, ExpressionPtr>> bindings = {};
  Signature signature = {};
};

/// Symbols that every template has, at these places of ParsedTemplate::names. kCaptured is no name that a template can
/// write: it stands for the text that a filter block's or set block's filters work on.
enum BuiltInSymbol : Symbol {
  kLoopSymbol,
  kCallerSymbol,
  kVarargsSymbol,
  kKwargsSymbol,
  kCapturedSymbol,
  kBuiltInSymbols
};

}  // namespace troupe::model::jinja

namespace troupe::model {

struct ParsedTemplate {
  std::string name;
  TemplateLimits limits;
  std::vector<std::string> names;
  jinja::Block body;
};

}  // namespace troupe::model
