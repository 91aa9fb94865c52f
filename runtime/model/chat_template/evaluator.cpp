#include "runtime/model/chat_template/evaluator.hpp"

#include <algorithm>

#include "runtime/model/chat_template/natives.hpp"
#include "runtime/model/chat_template/print.hpp"

namespace troupe::model::jinja {

namespace {

// Levels of evaluation for each level of nesting that a template may have: what bounds the stack (about a kilobyte a
// level).
constexpr int kLevelsPerNesting = 12;
// Variables that a look-up passes for one step.
constexpr std::size_t kVariablesPerStep = 32;

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

}  // namespace

Evaluator::Evaluator(const ParsedTemplate& parsed, Budget& budget, std::int64_t now_unix_s)
    : parsed_(parsed), budget_(budget), now_unix_s_(now_unix_s) {}

Evaluator::~Evaluator() {
  // Namespaces and loops may hold themselves, or each other in a long row: empty each before any is destroyed.
  for (const auto& one : namespaces_) one->attributes = Dict();
  for (const auto& one : loops_) one->last_changed.reset();
}

Evaluator::Inner::Inner(Evaluator& evaluator, Scope* outer)
    : evaluator_(evaluator), previous_(evaluator.scope_), scope_(std::make_unique<Scope>(Scope{outer})) {
  evaluator_.scope_ = scope_.get();
}

Evaluator::Inner::~Inner() {
  evaluator_.scope_ = previous_;
  if (scope_->captured) evaluator_.kept_.push_back(std::move(scope_));
}

Value Evaluator::make_namespace(Namespace attributes) {
  namespaces_.push_back(std::make_shared<Namespace>(std::move(attributes)));
  return Value{Value::Content(namespaces_.back())};
}

Result<Text> Evaluator::run(const Dict& context) {
  for (std::size_t i = kBuiltInSymbols; i < parsed_.names.size(); ++i) {
    const std::string& name = parsed_.names[i];
    if (const Value* given = context.find(name)) {
      root_.variables.emplace_back(static_cast<Symbol>(i), *given);
    } else if (const Function* global = find_global(name)) {
      root_.variables.emplace_back(static_cast<Symbol>(i), function(*global));
    }
  }
  Text out;
  TRY_VOID(run_block(parsed_.body, out));
  return out;
}

Error Evaluator::located(Position at, const Error& error) const {
  return budget_.exhausted() ? error : Error{error.code, where(parsed_.name, at) + error.message};
}

Result<void> Evaluator::enter(Position at) {
  TRY_VOID(budget_.steps());
  if (depth_ <= parsed_.limits.nesting * kLevelsPerNesting) return {};
  return Error{ErrorCode::kTooLarge, where(parsed_.name, at) + "calls and blocks are nested too deep here"};
}

Result<void> Evaluator::emit(Position at, const Text& text, Text& out) {
  if (auto paid = budget_.string(out.size() + text.size()); out.size() + text.size() > budget_.limits().output_bytes) {
    return located(at, paid.error());
  }
  TRY_VOID(budget_.read(text.size()));
  out.append(text);
  return {};
}

Result<Value> Evaluator::lookup(Symbol symbol) {
  std::size_t passed = 0;
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
    for (const auto& [name, value] : scope->variables) {
      if (name == symbol) {
        TRY_VOID(budget_.steps(passed / kVariablesPerStep));
        return value;
      }
      ++passed;
    }
  }
  TRY_VOID(budget_.steps(passed / kVariablesPerStep));
  return undefined(joined({"'", parsed_.names[static_cast<std::size_t>(symbol)].substr(0, 64), "' is undefined"}));
}

Result<void> Evaluator::assign(Symbol symbol, Value value) {
  TRY_VOID(budget_.steps(scope_->variables.size() / kVariablesPerStep));
  for (auto& [name, present] : scope_->variables) {
    if (name != symbol) continue;
    present = std::move(value);
    return {};
  }
  scope_->variables.emplace_back(symbol, std::move(value));
  return {};
}

void Evaluator::capture() {
  for (Scope* scope = scope_; scope != nullptr && !scope->captured; scope = scope->outer) scope->captured = true;
}

Result<Evaluator::Flow> Evaluator::run_block(const Block& block, Text& out) {
  for (const Statement& statement : block) {
    const Level level(depth_);
    TRY_VOID(enter(statement.at));
    TRY(flow, run_statement(statement, out));
    if (flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

Result<Evaluator::Flow> Evaluator::run_statement(const Statement& statement, Text& out) {
  switch (statement.kind) {
    case StatementKind::kData:
      TRY_VOID(emit(statement.at, statement.value->constant.text(), out));
      return Flow::kOn;
    case StatementKind::kOutput: {
      TRY(value, evaluate(*statement.value));
      auto text = to_text(budget_, value);
      if (!text.ok()) return located(statement.at, text.error());
      TRY_VOID(emit(statement.at, *text, out));
      return Flow::kOn;
    }
    case StatementKind::kIf:
      return run_if(statement, out);
    case StatementKind::kFor:
      return run_for(statement, out);
    case StatementKind::kSet: {
      TRY(value, evaluate(*statement.value));
      TRY_VOID(assign_target(statement.target, value));
      return Flow::kOn;
    }
    case StatementKind::kSetBlock:
    case StatementKind::kFilterBlock:
      return run_filtered(statement, out);
    case StatementKind::kMacro: {
      capture();
      const Macro macro{&statement, scope_};
      TRY_VOID(assign(statement.symbol, Value{Value::Content(std::make_shared<const Macro>(macro))}));
      return Flow::kOn;
    }
    case StatementKind::kCallBlock:
      TRY_VOID(run_call_block(statement, out));
      return Flow::kOn;
    case StatementKind::kWith:
      return run_with(statement, out);
    case StatementKind::kGeneration: {
      const Inner inner(*this, scope_);
      return run_block(statement.body, out);
    }
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      break;
  }
  return Flow::kContinue;
}

Result<Evaluator::Flow> Evaluator::run_if(const Statement& statement, Text& out) {
  for (const Branch& branch : statement.branches) {
    if (branch.condition != nullptr) {
      TRY(condition, evaluate(*branch.condition));
      if (!is_true(condition)) continue;
    }
    return run_block(branch.body, out);
  }
  return Flow::kOn;
}

// What a for walks: the elements that its filter, if it has one, lets through.
Result<std::shared_ptr<const Sequence>> Evaluator::walked(const Statement& statement) {
  TRY(value, evaluate(*statement.value));
  auto all = iterate(budget_, value);
  if (!all.ok()) return located(statement.value->at, all.error());
  if (statement.condition == nullptr) return std::move(*all);
  Sequence kept;
  kept.depth = (*all)->depth;
  for (const Value& item : (*all)->items) {
    const Inner inner(*this, scope_);
    TRY_VOID(assign_target(statement.target, item));
    TRY(wanted, evaluate(*statement.condition));
    if (is_true(wanted)) kept.items.push_back(item);
  }
  return std::make_shared<const Sequence>(std::move(kept));
}

Result<Evaluator::Flow> Evaluator::run_for(const Statement& statement, Text& out) {
  TRY(items, walked(statement));
  if (items->items.empty()) {
    const Inner inner(*this, scope_);
    return run_block(statement.otherwise, out);
  }
  const auto loop = std::make_shared<Loop>();
  loop->items = items;
  for (const Value& item : items->items) {
    TRY_VOID(budget_.steps());
    const Inner inner(*this, scope_);
    TRY_VOID(assign(kLoopSymbol, Value{Value::Content(loop)}));
    TRY_VOID(assign_target(statement.target, item));
    TRY(flow, run_block(statement.body, out));
    if (flow == Flow::kBreak) break;
    if (loop->index0 + 1 < static_cast<std::int64_t>(items->items.size())) ++loop->index0;
  }
  return Flow::kOn;
}

Result<Evaluator::Flow> Evaluator::run_with(const Statement& statement, Text& out) {
  Values values;
  for (const auto& [target, expression] : statement.bindings) {
    TRY(value, evaluate(*expression));
    values.push_back(std::move(value));
  }
  const Inner inner(*this, scope_);
  for (std::size_t i = 0; i < values.size(); ++i) TRY_VOID(assign_target(statement.bindings[i].first, values[i]));
  return run_block(statement.body, out);
}

// A filter block prints what its filters make of its body; a set block assigns it.
Result<Evaluator::Flow> Evaluator::run_filtered(const Statement& statement, Text& out) {
  Text captured;
  Value value;
  {
    const Inner inner(*this, scope_);
    TRY(flow, run_block(statement.body, captured));
    if (flow != Flow::kOn) return flow;
    value = string(std::move(captured));
    if (statement.value != nullptr) {
      TRY_VOID(assign(kCapturedSymbol, value));
      TRY(filtered, evaluate(*statement.value));
      value = std::move(filtered);
    }
  }
  if (statement.kind == StatementKind::kSetBlock) {
    TRY_VOID(assign_target(statement.target, value));
    return Flow::kOn;
  }
  TRY(text, to_text(budget_, value));
  TRY_VOID(emit(statement.at, text, out));
  return Flow::kOn;
}

Result<void> Evaluator::run_call_block(const Statement& statement, Text& out) {
  capture();
  const Value caller{Value::Content(std::make_shared<const Macro>(Macro{&statement, scope_}))};
  TRY(value, evaluate_chain(*statement.value, &caller));
  TRY(text, to_text(budget_, value));
  return emit(statement.at, text, out);
}

Result<void> Evaluator::assign_target(const Target& target, const Value& value) {
  switch (target.kind) {
    case Target::Kind::kName:
      return assign(target.symbol, value);
    case Target::Kind::kAttribute: {
      TRY(holder, lookup(target.symbol));
      if (holder.kind() != Kind::kNamespace) {
        return located(target.at,
                       invalid(joined({"an attribute can be set on a namespace only, not on a ", type_name(holder)})));
      }
      if (target.attribute.starts_with('_')) {
        return located(target.at, invalid("a namespace's attributes may not start with '_'"));
      }
      return holder.name_space().attributes.set(budget_, literal(target.attribute), value);
    }
    case Target::Kind::kTuple:
      break;
  }
  if (value.is_undefined()) return located(target.at, undefined_error(value));
  auto items = iterate(budget_, value);
  if (!items.ok()) return located(target.at, items.error());
  if ((*items)->items.size() != target.parts.size()) {
    return located(target.at, invalid(joined({"a value of ", std::to_string((*items)->items.size()),
                                              " elements cannot be spread over ", std::to_string(target.parts.size()),
                                              " names"})));
  }
  for (std::size_t i = 0; i < target.parts.size(); ++i) TRY_VOID(assign_target(target.parts[i], (*items)->items[i]));
  return {};
}

Result<Value> Evaluator::evaluate(const Expression& expression) {
  const Level level(depth_);
  TRY_VOID(enter(expression.at));
  return evaluate_node(expression);
}

Result<Value> Evaluator::evaluate_node(const Expression& expression) {
  const auto& operands = expression.operands;
  switch (expression.kind) {
    case ExpressionKind::kConstant:
      return expression.constant;
    case ExpressionKind::kName:
      return lookup(expression.symbol);
    case ExpressionKind::kList:
    case ExpressionKind::kTuple:
      return evaluate_items(expression);
    case ExpressionKind::kDict:
      return evaluate_dict(expression);
    case ExpressionKind::kChain:
      return evaluate_chain(expression, nullptr);
    case ExpressionKind::kNot: {
      TRY(value, evaluate(*operands[0]));
      return boolean(!is_true(value));
    }
    case ExpressionKind::kNegate:
    case ExpressionKind::kPlus: {
      TRY(value, evaluate(*operands[0]));
      auto result = expression.kind == ExpressionKind::kNegate ? negate(value) : plus(value);
      return result.ok() ? std::move(result) : located(expression.at, result.error());
    }
    case ExpressionKind::kArithmetic: {
      TRY(value, evaluate(*operands[0]));
      for (std::size_t i = 0; i < expression.operators.size(); ++i) {
        TRY(right, evaluate(*operands[i + 1]));
        auto result = arithmetic(budget_, expression.operators[i], value, right);
        if (!result.ok()) return located(expression.at, result.error());
        value = *std::move(result);
      }
      return std::move(value);
    }
    case ExpressionKind::kConcatenate:
      return evaluate_concatenation(expression);
    case ExpressionKind::kCompare:
      return evaluate_comparison(expression);
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr: {
      const bool ends_at = expression.kind == ExpressionKind::kOr;
      for (std::size_t i = 0;; ++i) {
        TRY(value, evaluate(*operands[i]));
        if (i + 1 == operands.size() || is_true(value) == ends_at) return std::move(value);
      }
    }
    case ExpressionKind::kConditional:
      break;
  }
  return evaluate_conditional(expression);
}

Result<Value> Evaluator::evaluate_items(const Expression& expression) {
  Values items;
  items.reserve(expression.operands.size());
  for (const auto& operand : expression.operands) {
    TRY(item, evaluate(*operand));
    items.push_back(std::move(item));
  }
  auto made = make_sequence(budget_, expression.kind == ExpressionKind::kList ? Flavor::kList : Flavor::kTuple,
                            std::move(items));
  return made.ok() ? std::move(made) : located(expression.at, made.error());
}

Result<Value> Evaluator::evaluate_dict(const Expression& expression) {
  Dict dict;
  for (std::size_t i = 0; i < expression.operands.size(); i += 2) {
    TRY(key, evaluate(*expression.operands[i]));
    TRY(value, evaluate(*expression.operands[i + 1]));
    if (auto set = dict.set(budget_, std::move(key), std::move(value)); !set.ok())
      return located(expression.at, set.error());
  }
  auto made = make_dict(budget_, std::move(dict));
  return made.ok() ? std::move(made) : located(expression.at, made.error());
}

Result<Value> Evaluator::evaluate_comparison(const Expression& expression) {
  TRY(left, evaluate(*expression.operands[0]));
  for (std::size_t i = 0; i < expression.operators.size(); ++i) {
    TRY(right, evaluate(*expression.operands[i + 1]));
    auto holds = compare(budget_, expression.operators[i], left, right);
    if (!holds.ok()) return located(expression.at, holds.error());
    if (!*holds) return boolean(false);
    left = std::move(right);
  }
  return boolean(true);
}

Result<Value> Evaluator::evaluate_conditional(const Expression& expression) {
  const auto& operands = expression.operands;
  for (std::size_t i = 0; i + 1 < operands.size(); i += 2) {
    TRY(condition, evaluate(*operands[i]));
    if (is_true(condition)) return evaluate(*operands[i + 1]);
  }
  if (operands.size() % 2 == 1) return evaluate(*operands.back());
  return undefined("the inline if-expression is false and has no else");
}

Result<Value> Evaluator::evaluate_concatenation(const Expression& expression) {
  Text out;
  for (const auto& operand : expression.operands) {
    TRY(value, evaluate(*operand));
    auto text = to_text(budget_, value);
    if (!text.ok()) return located(expression.at, text.error());
    TRY_VOID(emit(expression.at, *text, out));
  }
  return string(std::move(out));
}

Result<Value> Evaluator::evaluate_chain(const Expression& expression, const Value* caller) {
  TRY(value, evaluate(*expression.operands[0]));
  for (const Link& link : expression.links) {
    TRY_VOID(budget_.steps());
    const bool is_last = &link == &expression.links.back();
    TRY(next, follow(link, value, is_last ? caller : nullptr));
    value = std::move(next);
  }
  return std::move(value);
}

Result<Value> Evaluator::follow(const Link& link, const Value& value, const Value* caller) {
  const auto checked = [&](Result<Value> result) {
    return result.ok() ? std::move(result) : Result<Value>(located(link.at, result.error()));
  };
  switch (link.kind) {
    case LinkKind::kAttribute:
      return checked(get_attribute(budget_, value, link.name));
    case LinkKind::kItem: {
      TRY(key, evaluate(*link.item));
      return checked(get_item(budget_, value, key));
    }
    case LinkKind::kSlice: {
      std::optional<Value> parts[3];
      for (int i = 0; i < 3; ++i) {
        if (link.slice[i] == nullptr) continue;
        TRY(part, evaluate(*link.slice[i]));
        parts[i] = std::move(part);
      }
      const auto given = [&](int i) { return parts[i] ? &*parts[i] : nullptr; };
      return checked(get_slice(budget_, value, given(0), given(1), given(2)));
    }
    case LinkKind::kCall: {
      TRY(arguments, evaluate_arguments(link.call));
      if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
      // A macro's errors say where already, and raise_exception's words are the template's own.
      const bool speaks_for_itself =
          value.kind() == Kind::kMacro ||
          (value.kind() == Kind::kFunction && std::get<Function>(value.content) == Function::kRaiseException);
      return speaks_for_itself ? call(value, arguments) : checked(call(value, arguments));
    }
    case LinkKind::kFilter:
    case LinkKind::kTest: {
      TRY(arguments, evaluate_arguments(link.call));
      auto result = link.native(*this, value, arguments);
      if (!result.ok())
        return located(link.at, budget_.exhausted() ? result.error() : result.error().within(link.name));
      if (link.kind == LinkKind::kTest && link.negated) return boolean(!is_true(*result));
      return result;
    }
  }
  return none();
}

Result<Arguments> Evaluator::evaluate_arguments(const CallSyntax& call) {
  Arguments arguments;
  arguments.positional.reserve(call.positional.size() + 1);
  for (const auto& expression : call.positional) {
    TRY(value, evaluate(*expression));
    arguments.positional.push_back(std::move(value));
  }
  for (const auto& [name, expression] : call.named) {
    TRY(value, evaluate(*expression));
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

Result<Value> Evaluator::call(const Value& callee, const Arguments& arguments) {
  switch (callee.kind()) {
    case Kind::kMacro:
      return call_macro(*std::get<std::shared_ptr<const Macro>>(callee.content), arguments);
    case Kind::kMethod: {
      const Method& method = *std::get<std::shared_ptr<const Method>>(callee.content);
      auto result = method.function(*this, method.self, arguments);
      return result.ok() || budget_.exhausted() ? std::move(result) : Result<Value>(result.error().within(method.name));
    }
    case Kind::kFunction:
      return call_global(*this, std::get<Function>(callee.content), arguments);
    case Kind::kNamespace:
      return call_namespace(*this, callee.name_space(), arguments);
    case Kind::kUndefined:
      return undefined_error(callee);
    default:
      return invalid(joined({"a ", type_name(callee), " cannot be called"}));
  }
}

Result<Value> Evaluator::call_macro(const Macro& macro, const Arguments& arguments) {
  const Statement& statement = *macro.statement;
  if (calls_ >= parsed_.limits.nesting) {
    return Error{ErrorCode::kTooLarge, where(parsed_.name, statement.at) + "macros call each other more than " +
                                           std::to_string(parsed_.limits.nesting) + " deep"};
  }
  const Level call_level(calls_);
  const Inner inner(*this, macro.scope);
  TRY_VOID(bind_macro(statement, arguments));
  Text out;
  TRY_VOID(run_block(statement.body, out));
  return string(std::move(out));
}

Result<void> Evaluator::bind_macro(const Statement& statement, const Arguments& arguments) {
  const Signature& signature = statement.signature;
  const auto fail = [&](std::initializer_list<std::string_view> what) {
    return located(statement.at, invalid(joined(what)));
  };
  const std::size_t count = signature.parameters.size();
  if (arguments.positional.size() > count && !signature.uses_varargs) {
    return fail({"this macro takes at most ", std::to_string(count), " arguments; ",
                 std::to_string(arguments.positional.size()), " were given"});
  }
  std::vector<bool> used(arguments.named.size(), false);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& parameter = signature.parameters[i];
    const std::string& name = parsed_.names[static_cast<std::size_t>(parameter.symbol)];
    const Value* given = i < arguments.positional.size() ? &arguments.positional[i] : nullptr;
    for (std::size_t j = 0; given == nullptr && j < used.size(); ++j) {
      if (arguments.named[j].first != name) continue;
      given = &arguments.named[j].second;
      used[j] = true;
    }
    if (given != nullptr) {
      TRY_VOID(assign(parameter.symbol, *given));
    } else if (parameter.fallback != nullptr) {
      TRY(value, evaluate(*parameter.fallback));
      TRY_VOID(assign(parameter.symbol, std::move(value)));
    } else {
      TRY_VOID(assign(parameter.symbol, undefined(joined({"parameter '", name.substr(0, 64), "' was not provided"}))));
    }
  }
  Dict rest;
  for (std::size_t j = 0; j < used.size(); ++j) {
    const auto& [name, value] = arguments.named[j];
    if (used[j]) continue;
    if (name == "caller" && signature.uses_caller) {
      TRY_VOID(assign(kCallerSymbol, value));
    } else if (signature.uses_kwargs) {
      TRY_VOID(rest.set(budget_, literal(name), value));
    } else {
      return fail({"this macro has no argument named '", name.substr(0, 64), "'"});
    }
  }
  if (signature.uses_kwargs) {
    TRY(dict, make_dict(budget_, std::move(rest)));
    TRY_VOID(assign(kKwargsSymbol, std::move(dict)));
  }
  if (!signature.uses_varargs) return {};
  const std::size_t from = std::min(count, arguments.positional.size());
  TRY(more, make_sequence(
                budget_, Flavor::kTuple,
                Values(arguments.positional.begin() + static_cast<std::ptrdiff_t>(from), arguments.positional.end())));
  return assign(kVarargsSymbol, std::move(more));
}

}  // namespace troupe::model::jinja
