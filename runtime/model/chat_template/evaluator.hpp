// Runs one parsed template over one context: scopes, statements, expressions, macros.
//
// Every step is paid for, and how deep evaluation is at any moment (statements, expressions and macro calls together)
// is bounded, so that neither time nor memory nor stack is the template's to choose.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/model/chat_template/ast.hpp"
#include "runtime/model/chat_template/operators.hpp"

namespace troupe::model::jinja {

/// The variables of a loop's pass, a macro's call or a block.
struct Scope {
  Scope* outer = nullptr;
  std::vector<std::pair<Symbol, Value>> variables = {};
  bool captured = false;  ///< a macro was defined within: it lives as long as the render
};

/// One render; one thread; used once.
class Evaluator {
 public:
  Evaluator(const ParsedTemplate& parsed, Budget& budget, std::int64_t now_unix_s);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  /// The output. `context` holds the variables by name.
  Result<Text> run(const Dict& context);

  Budget& budget() { return budget_; }
  std::int64_t now_unix_s() const { return now_unix_s_; }
  /// A new namespace, which the render owns: namespaces may hold each other, so none can own another for good.
  Value make_namespace(Namespace attributes);
  /// Keeps a loop that remembers a value from being kept alive by that value.
  void remember(const std::shared_ptr<Loop>& loop) { loops_.push_back(loop); }
  /// A macro's text, or what a function gives.
  Result<Value> call(const Value& callee, const Arguments& arguments);

 private:
  enum class Flow { kOn, kBreak, kContinue };

  /// Counts one level of evaluation while it lives.
  class Level {
   public:
    explicit Level(int& depth) : depth_(++depth) {}
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& depth_;
  };

  /// A scope that is current while it lives.
  class Inner {
   public:
    Inner(Evaluator& evaluator, Scope* outer);
    ~Inner();
    Inner(const Inner&) = delete;
    Inner& operator=(const Inner&) = delete;

   private:
    Evaluator& evaluator_;
    Scope* const previous_;
    std::unique_ptr<Scope> scope_;
  };

  Error located(Position at, const Error& error) const;
  Result<void> enter(Position at);
  Result<void> emit(Position at, const Text& text, Text& out);
  Result<Value> lookup(Symbol symbol);
  Result<void> assign(Symbol symbol, Value value);
  void capture();

  Result<Flow> run_block(const Block& block, Text& out);
  Result<Flow> run_statement(const Statement& statement, Text& out);
  Result<Flow> run_if(const Statement& statement, Text& out);
  Result<Flow> run_for(const Statement& statement, Text& out);
  Result<std::shared_ptr<const Sequence>> walked(const Statement& statement);
  Result<Flow> run_with(const Statement& statement, Text& out);
  Result<Flow> run_filtered(const Statement& statement, Text& out);
  Result<void> run_call_block(const Statement& statement, Text& out);
  Result<void> assign_target(const Target& target, const Value& value);

  Result<Value> evaluate(const Expression& expression);
  Result<Value> evaluate_node(const Expression& expression);
  Result<Value> evaluate_items(const Expression& expression);
  Result<Value> evaluate_dict(const Expression& expression);
  Result<Value> evaluate_comparison(const Expression& expression);
  Result<Value> evaluate_conditional(const Expression& expression);
  Result<Value> evaluate_concatenation(const Expression& expression);
  Result<Value> evaluate_chain(const Expression& expression, const Value* caller);
  Result<Value> follow(const Link& link, const Value& value, const Value* caller);
  Result<Arguments> evaluate_arguments(const CallSyntax& call);
  Result<Value> call_macro(const Macro& macro, const Arguments& arguments);
  Result<void> bind_macro(const Statement& statement, const Arguments& arguments);

  const ParsedTemplate& parsed_;
  Budget& budget_;
  const std::int64_t now_unix_s_;
  Scope root_;
  Scope* scope_ = &root_;
  int depth_ = 0;
  int calls_ = 0;
  std::vector<std::unique_ptr<Scope>> kept_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<std::shared_ptr<Loop>> loops_;
};

}  // namespace troupe::model::jinja
