// The expressions' half of the parser, loosest binding first.
#include <algorithm>

#include "runtime/model/chat_template/natives.hpp"
#include "runtime/model/chat_template/parser.hpp"

namespace troupe::model::jinja {

std::unique_ptr<Expression> make_expression(ExpressionKind kind, Position at) {
  return std::unique_ptr<Expression>(new Expression{kind, at, none(), -1, {}, {}, {}});
}

// `value if condition else ...`; what follows else is of the same list.
Result<ExpressionPtr> Parser::expression(bool conditional) {
  const Nest nest(depth_);
  TRY_VOID(check_depth());
  const Position at = current().at;
  TRY(first, or_expression());
  ExpressionPtr value = std::move(first);
  auto node = make_expression(ExpressionKind::kConditional, at);
  int wrapped = 0;
  while (conditional && is_name("if")) {
    advance();
    TRY(condition, or_expression());
    if (skip_name("else")) {
      node->operands.push_back(std::move(condition));
      node->operands.push_back(std::move(value));
      TRY(otherwise, or_expression());
      value = std::move(otherwise);
      continue;
    }
    if (depth_ + ++wrapped > parsed_.limits.nesting)
      return fail(at, "too many 'if' without 'else' in one expression", ErrorCode::kTooLarge);
    auto half = make_expression(ExpressionKind::kConditional, at);
    half->operands.push_back(std::move(condition));
    half->operands.push_back(std::move(value));
    value = std::move(half);
  }
  if (node->operands.empty()) return value;
  node->operands.push_back(std::move(value));
  return ExpressionPtr(std::move(node));
}

bool Parser::tuple_ends(std::string_view end_name) const {
  return current().kind == TokenKind::kOutputEnd || current().kind == TokenKind::kTagEnd || is_operator(")") ||
         (!end_name.empty() && is_name(end_name));
}

Result<ExpressionPtr> Parser::tuple(bool conditional, bool empty_allowed, std::string_view end_name) {
  auto node = make_expression(ExpressionKind::kTuple, current().at);
  bool is_tuple = false;
  while (!tuple_ends(end_name)) {
    TRY(item, expression(conditional));
    node->operands.push_back(std::move(item));
    if (!skip_operator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return ExpressionPtr(std::move(node));
  if (!node->operands.empty()) return std::move(node->operands.front());
  if (!empty_allowed) return unexpected("an expression");
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> Parser::or_expression() {
  const Position at = current().at;
  TRY(first, and_expression());
  if (!is_name("or")) return std::move(first);
  auto node = make_expression(ExpressionKind::kOr, at);
  node->operands.push_back(std::move(first));
  while (skip_name("or")) {
    TRY(operand, and_expression());
    node->operands.push_back(std::move(operand));
  }
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> Parser::and_expression() {
  const Position at = current().at;
  TRY(first, not_expression());
  if (!is_name("and")) return std::move(first);
  auto node = make_expression(ExpressionKind::kAnd, at);
  node->operands.push_back(std::move(first));
  while (skip_name("and")) {
    TRY(operand, not_expression());
    node->operands.push_back(std::move(operand));
  }
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> Parser::not_expression() {
  const Nest nest(depth_);
  TRY_VOID(check_depth());
  const Position at = current().at;
  if (!skip_name("not")) return comparison();
  TRY(operand, not_expression());
  auto node = make_expression(ExpressionKind::kNot, at);
  node->operands.push_back(std::move(operand));
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> Parser::comparison() {
  static const std::pair<std::string_view, Operator> kOperators[] = {
      {"==", Operator::kEqual},     {"!=", Operator::kNotEqual}, {"<", Operator::kLess},
      {"<=", Operator::kLessEqual}, {">", Operator::kGreater},   {">=", Operator::kGreaterEqual}};
  auto node = make_expression(ExpressionKind::kCompare, current().at);
  TRY(first, sum());
  node->operands.push_back(std::move(first));
  while (true) {
    const auto known = std::find_if(std::begin(kOperators), std::end(kOperators),
                                    [this](const auto& one) { return is_operator(one.first); });
    if (known != std::end(kOperators)) {
      node->operators.push_back(known->second);
    } else if (is_name("in")) {
      node->operators.push_back(Operator::kIn);
    } else if (is_name("not") && next_token().kind == TokenKind::kName && next_token().text == "in") {
      advance();
      node->operators.push_back(Operator::kNotIn);
    } else {
      break;
    }
    advance();
    TRY(operand, sum());
    node->operands.push_back(std::move(operand));
  }
  if (node->operators.empty()) return std::move(node->operands.front());
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> Parser::left_to_right(Parse operand,
                                            std::initializer_list<std::pair<std::string_view, Operator>> operators) {
  auto node = make_expression(ExpressionKind::kArithmetic, current().at);
  TRY(first, (this->*operand)());
  node->operands.push_back(std::move(first));
  while (true) {
    const auto known =
        std::find_if(operators.begin(), operators.end(), [this](const auto& one) { return is_operator(one.first); });
    if (known == operators.end()) break;
    advance();
    TRY(next, (this->*operand)());
    node->operators.push_back(known->second);
    node->operands.push_back(std::move(next));
  }
  if (node->operators.empty()) return std::move(node->operands.front());
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> Parser::sum() {
  return left_to_right(&Parser::concatenation, {{"+", Operator::kAdd}, {"-", Operator::kSubtract}});
}

Result<ExpressionPtr> Parser::concatenation() {
  auto node = make_expression(ExpressionKind::kConcatenate, current().at);
  do {
    TRY(operand, product());
    node->operands.push_back(std::move(operand));
  } while (skip_operator("~"));
  if (node->operands.size() == 1) return std::move(node->operands.front());
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> Parser::product() {
  return left_to_right(
      &Parser::power,
      {{"*", Operator::kMultiply}, {"/", Operator::kDivide}, {"//", Operator::kFloorDivide}, {"%", Operator::kModulo}});
}

Result<ExpressionPtr> Parser::power() {
  auto node = make_expression(ExpressionKind::kArithmetic, current().at);
  do {
    TRY(operand, unary(true));
    node->operands.push_back(std::move(operand));
  } while (skip_operator("**"));
  if (node->operands.size() == 1) return std::move(node->operands.front());
  node->operators.assign(node->operands.size() - 1, Operator::kPower);
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> Parser::unary(bool with_filters) {
  const Nest nest(depth_);
  TRY_VOID(check_depth());
  const Position at = current().at;
  ExpressionPtr base;
  if (is_operator("-") || is_operator("+")) {
    auto node = make_expression(is_operator("-") ? ExpressionKind::kNegate : ExpressionKind::kPlus, at);
    advance();
    TRY(operand, unary(false));
    node->operands.push_back(std::move(operand));
    base = std::move(node);
  } else {
    TRY(operand, primary());
    base = std::move(operand);
  }
  return chain(std::move(base), true, with_filters);
}

Result<ExpressionPtr> Parser::primary() {
  const Token& token = current();
  auto constant = make_expression(ExpressionKind::kConstant, token.at);
  switch (token.kind) {
    case TokenKind::kName: {
      const std::string name = token.text;
      advance();
      if (name == "true" || name == "True" || name == "false" || name == "False") {
        constant->constant = boolean(name == "true" || name == "True");
      } else if (name != "none" && name != "None") {
        constant->kind = ExpressionKind::kName;
        constant->symbol = intern(name);
        if (signature_ != nullptr) {
          signature_->uses_caller = signature_->uses_caller || constant->symbol == kCallerSymbol;
          signature_->uses_varargs = signature_->uses_varargs || constant->symbol == kVarargsSymbol;
          signature_->uses_kwargs = signature_->uses_kwargs || constant->symbol == kKwargsSymbol;
        }
      }
      return ExpressionPtr(std::move(constant));
    }
    case TokenKind::kString: {
      std::string text;
      for (; current().kind == TokenKind::kString; advance()) text += current().text;
      constant->constant = literal(text);
      return ExpressionPtr(std::move(constant));
    }
    case TokenKind::kInteger:
      constant->constant = integer(token.integer);
      advance();
      return ExpressionPtr(std::move(constant));
    case TokenKind::kFloat:
      constant->constant = floating(token.real);
      advance();
      return ExpressionPtr(std::move(constant));
    default:
      break;
  }
  if (is_operator("[")) return list();
  if (is_operator("{")) return dict();
  if (!skip_operator("(")) return unexpected("an expression");
  TRY(inner, tuple(true, true));
  TRY_VOID(expect_operator(")"));
  return std::move(inner);
}

Result<ExpressionPtr> Parser::list() {
  auto node = make_expression(ExpressionKind::kList, current().at);
  advance();
  while (!is_operator("]")) {
    if (!node->operands.empty()) {
      TRY_VOID(expect_operator(","));
      if (is_operator("]")) break;
    }
    TRY(item, expression());
    node->operands.push_back(std::move(item));
  }
  advance();
  return ExpressionPtr(std::move(node));
}

Result<ExpressionPtr> Parser::dict() {
  auto node = make_expression(ExpressionKind::kDict, current().at);
  advance();
  while (!is_operator("}")) {
    if (!node->operands.empty()) {
      TRY_VOID(expect_operator(","));
      if (is_operator("}")) break;
    }
    TRY(key, expression());
    TRY_VOID(expect_operator(":"));
    TRY(value, expression());
    node->operands.push_back(std::move(key));
    node->operands.push_back(std::move(value));
  }
  advance();
  return ExpressionPtr(std::move(node));
}

// What follows a value: subscripts and calls, then (once a filter or test was there, or none of those follow) filters,
// tests, calls.
Result<ExpressionPtr> Parser::chain(ExpressionPtr base, bool postfix, bool filters) {
  std::vector<Link> links;
  while (true) {
    if (postfix && (is_operator(".") || is_operator("["))) {
      TRY_VOID(subscript(links));
    } else if (is_operator("(")) {
      TRY(link, call_link());
      if (links.empty() && base->kind == ExpressionKind::kName)
        called_.emplace_back(parsed_.names[static_cast<std::size_t>(base->symbol)], link.at);
      if (!links.empty() && links.back().kind == LinkKind::kAttribute && !is_method_name(links.back().name)) {
        static const std::vector<std::string> kNone;
        return unknown(links.back().at, "method", links.back().name, kNone);
      }
      links.push_back(std::move(link));
    } else if (filters && skip_operator("|")) {
      TRY(link, filter_link());
      links.push_back(std::move(link));
      postfix = false;
    } else if (filters && skip_name("is")) {
      TRY(link, test_link());
      links.push_back(std::move(link));
      postfix = false;
    } else {
      break;
    }
  }
  if (links.empty()) return base;
  auto node = make_expression(ExpressionKind::kChain, base->at);
  node->operands.push_back(std::move(base));
  node->links = std::move(links);
  return ExpressionPtr(std::move(node));
}

Result<void> Parser::subscript(std::vector<Link>& links) {
  Link link{LinkKind::kAttribute, current().at};
  if (skip_operator(".")) {
    if (current().kind == TokenKind::kName) {
      link.name = current().text;
    } else if (current().kind == TokenKind::kInteger) {
      link.kind = LinkKind::kItem;
      auto index = make_expression(ExpressionKind::kConstant, current().at);
      index->constant = integer(current().integer);
      link.item = std::move(index);
    } else {
      return unexpected("a name or a number");
    }
    advance();
    links.push_back(std::move(link));
    return {};
  }
  advance();
  std::size_t colons = 0;
  while (!is_operator("]")) {
    if (is_operator(","))
      return fail(current().at, "a subscript of several parts is not supported", ErrorCode::kUnsupported);
    if (is_operator(":") && colons < 2) {
      advance();
      ++colons;
      continue;
    }
    if (link.slice[colons] != nullptr) return unexpected("']'");
    TRY(part, expression());
    link.slice[colons] = std::move(part);
  }
  if (colons == 0 && link.slice[0] == nullptr) return unexpected("an index");
  advance();
  link.kind = colons == 0 ? LinkKind::kItem : LinkKind::kSlice;
  if (colons == 0) link.item = std::move(link.slice[0]);
  links.push_back(std::move(link));
  return {};
}

Result<Link> Parser::call_link() {
  Link link{LinkKind::kCall, current().at};
  TRY(call, call_arguments());
  link.call = std::move(call);
  return link;
}

Result<CallSyntax> Parser::call_arguments() {
  CallSyntax call;
  TRY_VOID(expect_operator("("));
  while (!is_operator(")")) {
    if (!call.positional.empty() || !call.named.empty()) {
      TRY_VOID(expect_operator(","));
      if (is_operator(")")) break;
    }
    const Position at = current().at;
    if (is_operator("*") || is_operator("**"))
      return fail(at, "'*' and '**' arguments are not supported", ErrorCode::kUnsupported);
    if (current().kind == TokenKind::kName && next_token().kind == TokenKind::kOperator && next_token().text == "=") {
      std::string name = current().text;
      advance();
      advance();
      for (const auto& other : call.named) {
        if (other.first == name) return fail(at, joined({"the argument '", name.substr(0, 64), "' is there twice"}));
      }
      TRY(value, expression());
      call.named.emplace_back(std::move(name), std::move(value));
    } else {
      if (!call.named.empty()) return fail(at, "an argument without a name follows one with a name");
      TRY(value, expression());
      call.positional.push_back(std::move(value));
    }
  }
  advance();
  return call;
}

Result<Link> Parser::filter_link() {
  Link link{LinkKind::kFilter, current().at};
  TRY(name, expect_identifier());
  link.name = std::move(name);
  const auto known = filters().find(link.name);
  if (known == filters().end()) return unknown(link.at, "filter", link.name, names_of(filters()));
  link.native = known->second;
  if (is_operator("(")) {
    TRY(call, call_arguments());
    link.call = std::move(call);
  }
  TRY_VOID(check_named_function(link));
  return link;
}

// The filter of map('...') and the test of select('...') are known at load, if they are written out.
Result<void> Parser::check_named_function(const Link& link) const {
  const bool by_attribute = link.name == "selectattr" || link.name == "rejectattr";
  const std::size_t place = by_attribute ? 1 : 0;
  if (link.call.positional.size() <= place) return {};
  const Expression& argument = *link.call.positional[place];
  if (argument.kind != ExpressionKind::kConstant || !argument.constant.is_string()) return {};
  const std::string name(argument.constant.text().bytes());
  if (link.name == "map" && !filters().contains(name)) return unknown(argument.at, "filter", name, names_of(filters()));
  if ((by_attribute || link.name == "select" || link.name == "reject") && !tests().contains(name)) {
    return unknown(argument.at, "test", name, names_of(tests()));
  }
  return {};
}

Result<Link> Parser::test_link() {
  Link link{LinkKind::kTest, current().at};
  link.negated = skip_name("not");
  link.at = current().at;
  TRY(name, expect_identifier());
  link.name = std::move(name);
  const auto known = tests().find(link.name);
  if (known == tests().end()) return unknown(link.at, "test", link.name, names_of(tests()));
  link.native = known->second;
  const bool argument_follows =
      current().kind == TokenKind::kString || current().kind == TokenKind::kInteger ||
      current().kind == TokenKind::kFloat || is_operator("[") || is_operator("{") ||
      (current().kind == TokenKind::kName && !is_name("else") && !is_name("or") && !is_name("and"));
  if (is_operator("(")) {
    TRY(call, call_arguments());
    link.call = std::move(call);
  } else if (argument_follows) {
    if (is_name("is")) return fail(current().at, "tests cannot follow each other; join them with 'and'");
    const Nest nest(depth_);
    TRY_VOID(check_depth());
    TRY(base, primary());
    TRY(argument, chain(std::move(base), true, false));
    link.call.positional.push_back(std::move(argument));
  }
  return link;
}

}  // namespace troupe::model::jinja
