// From tokens to a ParsedTemplate: Jinja's grammar by recursive descent, as deep as the nesting limit lets it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/model/chat_template/ast.hpp"

namespace troupe::model::jinja {

/// Used once.
class Parser {
 public:
  Parser(std::vector<Token> tokens, const std::string& name, const TemplateLimits& limits);

  /// kInvalidInput for a syntax error, kUnsupported for what is not known here, kTooLarge for nesting.
  Result<ParsedTemplate> run();

 private:
  /// Counts one level of nesting while it lives.
  class Nest {
   public:
    explicit Nest(int& depth) : depth_(++depth) {}
    ~Nest() { --depth_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    int& depth_;
  };

  // Tokens.
  const Token& current() const { return tokens_[at_]; }
  const Token& next_token() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool is_operator(std::string_view text) const {
    return current().kind == TokenKind::kOperator && current().text == text;
  }
  bool is_name(std::string_view text) const { return current().kind == TokenKind::kName && current().text == text; }
  void advance() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  bool skip_operator(std::string_view text);
  bool skip_name(std::string_view text);
  Result<void> expect_operator(std::string_view text);
  Result<void> expect_name(std::string_view text);
  Result<std::string> expect_identifier();
  Result<void> expect_kind(TokenKind kind, std::string_view what);
  Error fail(Position at, const std::string& what, ErrorCode code = ErrorCode::kInvalidInput) const;
  Error unexpected(std::string_view expected) const;
  Error unknown(Position at, std::string_view kind, const std::string& name,
                const std::vector<std::string>& known) const;
  Result<void> check_depth() const;
  Symbol intern(const std::string& name);
  Symbol define(const std::string& name);

  // Statements.
  Result<Block> statements(std::initializer_list<std::string_view> ends);
  Result<Statement> statement();
  Result<Statement> if_statement();
  Result<Statement> for_statement();
  Result<Statement> set_statement();
  Result<Statement> macro_statement();
  Result<Statement> call_statement();
  Result<Statement> filter_statement();
  Result<Statement> with_statement();
  Result<Statement> generation_statement();
  Result<Statement> loop_control(StatementKind kind);
  Result<void> end_tag();
  Result<Block> body_until(std::string_view end);
  Result<void> macro_body(Statement& statement, std::string_view end);
  Result<Signature> signature();
  Result<Target> targets(bool attributes_allowed, std::string_view end_name);
  Result<Target> target(bool attributes_allowed);
  Result<ExpressionPtr> filters_over_captured(bool first_is_inline);
  Result<void> check_calls() const;

  // Expressions.
  Result<ExpressionPtr> expression(bool conditional = true);
  Result<ExpressionPtr> tuple(bool conditional, bool empty_allowed, std::string_view end_name = {});
  bool tuple_ends(std::string_view end_name) const;
  Result<ExpressionPtr> or_expression();
  Result<ExpressionPtr> and_expression();
  Result<ExpressionPtr> not_expression();
  Result<ExpressionPtr> comparison();
  Result<ExpressionPtr> sum();
  Result<ExpressionPtr> concatenation();
  Result<ExpressionPtr> product();
  Result<ExpressionPtr> power();
  Result<ExpressionPtr> unary(bool with_filters);
  Result<ExpressionPtr> primary();
  Result<ExpressionPtr> list();
  Result<ExpressionPtr> dict();
  Result<ExpressionPtr> chain(ExpressionPtr base, bool postfix, bool filters);
  Result<void> subscript(std::vector<Link>& links);
  Result<Link> call_link();
  Result<Link> filter_link();
  Result<Link> test_link();
  Result<CallSyntax> call_arguments();
  Result<void> check_named_function(const Link& link) const;

  using Parse = Result<ExpressionPtr> (Parser::*)();
  Result<ExpressionPtr> left_to_right(Parse operand,
                                      std::initializer_list<std::pair<std::string_view, Operator>> operators);

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int loops_ = 0;                   ///< fors around this place, within its macro
  Signature* signature_ = nullptr;  ///< of the macro around this place
  ParsedTemplate parsed_;
  std::unordered_map<std::string, Symbol> symbols_;
  std::unordered_set<std::string> defined_;               ///< names that the template assigns somewhere
  std::vector<std::pair<std::string, Position>> called_;  ///< names that it calls
};

/// A node without operands.
std::unique_ptr<Expression> make_expression(ExpressionKind kind, Position at);

}  // namespace troupe::model::jinja
