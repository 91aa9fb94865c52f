#include "runtime/model/chat_template/parser.hpp"

#include <algorithm>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/model/chat_template/natives.hpp"

namespace troupe::model::jinja {

Parser::Parser(std::vector<Token> tokens, const std::string& name, const TemplateLimits& limits)
    : tokens_(std::move(tokens)) {
  parsed_.name = name;
  parsed_.limits = limits;
  for (const char* built_in : {"loop", "caller", "varargs", "kwargs", "captured text"}) intern(built_in);
  defined_ = {"loop", "caller"};
}

Result<ParsedTemplate> Parser::run() {
  TRY(body, statements({}));
  parsed_.body = std::move(body);
  TRY_VOID(check_calls());
  return std::move(parsed_);
}

bool Parser::skip_operator(std::string_view text) {
  if (!is_operator(text)) return false;
  advance();
  return true;
}

bool Parser::skip_name(std::string_view text) {
  if (!is_name(text)) return false;
  advance();
  return true;
}

Result<void> Parser::expect_operator(std::string_view text) {
  if (skip_operator(text)) return {};
  return unexpected(joined({"'", text, "'"}));
}

Result<void> Parser::expect_name(std::string_view text) {
  if (skip_name(text)) return {};
  return unexpected(joined({"'", text, "'"}));
}

Result<std::string> Parser::expect_identifier() {
  if (current().kind != TokenKind::kName) return unexpected("a name");
  std::string name = current().text;
  advance();
  return name;
}

Result<void> Parser::expect_kind(TokenKind kind, std::string_view what) {
  if (current().kind != kind) return unexpected(what);
  advance();
  return {};
}

Error Parser::fail(Position at, const std::string& what, ErrorCode code) const {
  return {code, where(parsed_.name, at) + what};
}

Error Parser::unexpected(std::string_view expected) const {
  return fail(current().at, joined({"unexpected ", describe(current()), "; expected ", expected}));
}

Error Parser::unknown(Position at, std::string_view kind, const std::string& name,
                      const std::vector<std::string>& known) const {
  return fail(at, joined({"the ", kind, " '", name.substr(0, 64), "' is not supported", did_you_mean(name, known)}),
              ErrorCode::kUnsupported);
}

Result<void> Parser::check_depth() const {
  if (depth_ <= parsed_.limits.nesting) return {};
  return fail(
      current().at,
      joined({"the template is nested more than ", std::to_string(parsed_.limits.nesting), " deep; flatten it"}),
      ErrorCode::kTooLarge);
}

Symbol Parser::intern(const std::string& name) {
  const auto [place, added] = symbols_.emplace(name, static_cast<Symbol>(parsed_.names.size()));
  if (added) parsed_.names.push_back(name);
  return place->second;
}

Symbol Parser::define(const std::string& name) {
  defined_.insert(name);
  return intern(name);
}

Result<void> Parser::check_calls() const {
  static const std::vector<std::string> kGlobals = {"range",           "dict",         "namespace",
                                                    "raise_exception", "strftime_now", "joiner"};
  for (const auto& [name, at] : called_) {
    if (!defined_.contains(name) && find_global(name) == nullptr) return unknown(at, "function", name, kGlobals);
  }
  return {};
}

// Statements up to a tag with one of the names in `ends`, which is then the current token, or to the end of the
// template.
Result<Block> Parser::statements(std::initializer_list<std::string_view> ends) {
  const Nest nest(depth_);
  TRY_VOID(check_depth());
  Block block;
  while (current().kind != TokenKind::kEnd) {
    const Position at = current().at;
    if (current().kind == TokenKind::kData) {
      auto data = make_expression(ExpressionKind::kConstant, at);
      data->constant = literal(current().text);
      Statement statement{StatementKind::kData, at};
      statement.value = std::move(data);
      block.push_back(std::move(statement));
      advance();
    } else if (current().kind == TokenKind::kOutputBegin) {
      advance();
      Statement statement{StatementKind::kOutput, at};
      TRY(value, tuple(true, false));
      statement.value = std::move(value);
      TRY_VOID(expect_kind(TokenKind::kOutputEnd, "'}}'"));
      block.push_back(std::move(statement));
    } else {
      TRY_VOID(expect_kind(TokenKind::kTagBegin, "a tag"));
      if (current().kind == TokenKind::kName && std::find(ends.begin(), ends.end(), current().text) != ends.end())
        return block;
      TRY(parsed, statement());
      TRY_VOID(end_tag());
      block.push_back(std::move(parsed));
    }
  }
  if (ends.size() == 0) return block;
  return unexpected(joined({"'{% ", *(ends.end() - 1), " %}'"}));
}

Result<void> Parser::end_tag() { return expect_kind(TokenKind::kTagEnd, "'%}'"); }

Result<Block> Parser::body_until(std::string_view end) {
  TRY_VOID(end_tag());
  TRY(body, statements({end}));
  advance();
  return std::move(body);
}

Result<Statement> Parser::statement() {
  static const std::vector<std::string> kTags = {"if",         "elif",   "else",     "endif",    "for",  "endfor",
                                                 "set",        "endset", "macro",    "endmacro", "call", "filter",
                                                 "generation", "with",   "continue", "break"};
  const Position at = current().at;
  if (is_name("if")) return if_statement();
  if (is_name("for")) return for_statement();
  if (is_name("set")) return set_statement();
  if (is_name("macro")) return macro_statement();
  if (is_name("call")) return call_statement();
  if (is_name("filter")) return filter_statement();
  if (is_name("with")) return with_statement();
  if (is_name("generation")) return generation_statement();
  if (is_name("break")) return loop_control(StatementKind::kBreak);
  if (is_name("continue")) return loop_control(StatementKind::kContinue);
  if (current().kind != TokenKind::kName) return unexpected("a tag's name");
  const std::string& name = current().text;
  if (std::find(kTags.begin(), kTags.end(), name) != kTags.end() || name.starts_with("end")) {
    return fail(at, joined({"'{% ", name.substr(0, 64), " %}' does not belong here: no open tag ends with it"}));
  }
  return unknown(at, "tag", name, kTags);
}

Result<Statement> Parser::if_statement() {
  Statement statement{StatementKind::kIf, current().at};
  while (true) {
    const bool is_else = is_name("else");
    advance();
    Branch branch;
    if (!is_else) {
      TRY(condition, tuple(false, false));
      branch.condition = std::move(condition);
    }
    TRY_VOID(end_tag());
    if (is_else) {
      TRY(body, statements({"endif"}));
      branch.body = std::move(body);
    } else {
      TRY(body, statements({"elif", "else", "endif"}));
      branch.body = std::move(body);
    }
    statement.branches.push_back(std::move(branch));
    if (skip_name("endif")) return statement;
  }
}

Result<Statement> Parser::for_statement() {
  Statement statement{StatementKind::kFor, current().at};
  advance();
  TRY(target, targets(false, "in"));
  statement.target = std::move(target);
  TRY_VOID(expect_name("in"));
  TRY(walked, tuple(false, false, "recursive"));
  statement.value = std::move(walked);
  if (skip_name("if")) {
    TRY(condition, expression());
    statement.condition = std::move(condition);
  }
  if (is_name("recursive"))
    return fail(current().at, "recursive loops are not supported; use a macro", ErrorCode::kUnsupported);
  TRY_VOID(end_tag());
  ++loops_;
  TRY(body, statements({"else", "endfor"}));
  --loops_;
  statement.body = std::move(body);
  if (skip_name("else")) {
    TRY(otherwise, body_until("endfor"));
    statement.otherwise = std::move(otherwise);
  } else {
    advance();
  }
  return statement;
}

Result<Statement> Parser::loop_control(StatementKind kind) {
  Statement statement{kind, current().at};
  if (loops_ == 0) return fail(statement.at, joined({describe(current()), " stands outside of a loop"}));
  advance();
  return statement;
}

Result<Statement> Parser::set_statement() {
  Statement statement{StatementKind::kSet, current().at};
  advance();
  TRY(target, targets(true, {}));
  statement.target = std::move(target);
  if (skip_operator("=")) {
    TRY(value, tuple(true, false));
    statement.value = std::move(value);
    return statement;
  }
  statement.kind = StatementKind::kSetBlock;
  TRY(filters, filters_over_captured(false));
  statement.value = std::move(filters);
  TRY(body, body_until("endset"));
  statement.body = std::move(body);
  return statement;
}

// `|a|b` (or `a|b`) as a chain over the captured text; null where no filter follows.
Result<ExpressionPtr> Parser::filters_over_captured(bool first_is_inline) {
  if (!first_is_inline && !is_operator("|")) return ExpressionPtr();
  auto node = make_expression(ExpressionKind::kChain, current().at);
  auto captured = make_expression(ExpressionKind::kName, current().at);
  captured->symbol = kCapturedSymbol;
  node->operands.push_back(std::move(captured));
  while (first_is_inline || skip_operator("|")) {
    first_is_inline = false;
    TRY(link, filter_link());
    node->links.push_back(std::move(link));
  }
  return ExpressionPtr(std::move(node));
}

Result<Statement> Parser::macro_statement() {
  Statement statement{StatementKind::kMacro, current().at};
  advance();
  TRY(name, expect_identifier());
  statement.symbol = define(name);
  TRY(parameters, signature());
  statement.signature = std::move(parameters);
  TRY_VOID(macro_body(statement, "endmacro"));
  return statement;
}

Result<Statement> Parser::call_statement() {
  Statement statement{StatementKind::kCallBlock, current().at};
  advance();
  if (is_operator("(")) {
    TRY(parameters, signature());
    statement.signature = std::move(parameters);
  }
  TRY(call, expression());
  if (call->kind != ExpressionKind::kChain || call->links.back().kind != LinkKind::kCall) {
    return fail(statement.at, "'{% call %}' needs a call of a macro, such as '{% call name() %}'");
  }
  statement.value = std::move(call);
  TRY_VOID(macro_body(statement, "endcall"));
  return statement;
}

Result<void> Parser::macro_body(Statement& statement, std::string_view end) {
  Signature* const outer_signature = std::exchange(signature_, &statement.signature);
  const int outer_loops = std::exchange(loops_, 0);
  TRY(body, body_until(end));
  statement.body = std::move(body);
  signature_ = outer_signature;
  loops_ = outer_loops;
  return {};
}

Result<Signature> Parser::signature() {
  Signature signature;
  TRY_VOID(expect_operator("("));
  while (!is_operator(")")) {
    if (!signature.parameters.empty()) TRY_VOID(expect_operator(","));
    const Position at = current().at;
    TRY(name, expect_identifier());
    const Symbol symbol = define(name);
    for (const auto& other : signature.parameters) {
      if (other.symbol == symbol) return fail(at, joined({"the parameter '", name.substr(0, 64), "' is there twice"}));
    }
    ExpressionPtr fallback;
    if (skip_operator("=")) {
      TRY(value, expression());
      fallback = std::move(value);
    } else if (!signature.parameters.empty() && signature.parameters.back().fallback != nullptr) {
      return fail(at, "a parameter without a default follows one with a default");
    }
    signature.parameters.push_back({symbol, std::move(fallback)});
  }
  TRY_VOID(expect_operator(")"));
  return signature;
}

Result<Statement> Parser::filter_statement() {
  Statement statement{StatementKind::kFilterBlock, current().at};
  advance();
  TRY(filters, filters_over_captured(true));
  statement.value = std::move(filters);
  TRY(body, body_until("endfilter"));
  statement.body = std::move(body);
  return statement;
}

Result<Statement> Parser::with_statement() {
  Statement statement{StatementKind::kWith, current().at};
  advance();
  while (current().kind != TokenKind::kTagEnd) {
    if (!statement.bindings.empty()) TRY_VOID(expect_operator(","));
    TRY(name, target(false));
    TRY_VOID(expect_operator("="));
    TRY(value, expression());
    statement.bindings.emplace_back(std::move(name), std::move(value));
  }
  TRY(body, body_until("endwith"));
  statement.body = std::move(body);
  return statement;
}

Result<Statement> Parser::generation_statement() {
  Statement statement{StatementKind::kGeneration, current().at};
  advance();
  const int outer_loops = std::exchange(loops_, 0);
  TRY(body, body_until("endgeneration"));
  loops_ = outer_loops;
  statement.body = std::move(body);
  return statement;
}

// One target, or several with commas between them; `end_name` ends them too.
Result<Target> Parser::targets(bool attributes_allowed, std::string_view end_name) {
  Target all;
  all.kind = Target::Kind::kTuple;
  all.at = current().at;
  bool is_tuple = false;
  while (true) {
    const bool ended = current().kind == TokenKind::kTagEnd || is_operator(")") || is_operator("=") ||
                       (!end_name.empty() && is_name(end_name));
    if (ended && !all.parts.empty()) break;
    TRY(one, target(attributes_allowed));
    all.parts.push_back(std::move(one));
    if (!skip_operator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return all;
  Target only = std::move(all.parts.front());
  return only;
}

Result<Target> Parser::target(bool attributes_allowed) {
  const Nest nest(depth_);
  TRY_VOID(check_depth());
  const Position at = current().at;
  if (skip_operator("(")) {
    TRY(inner, targets(attributes_allowed, {}));
    TRY_VOID(expect_operator(")"));
    return std::move(inner);
  }
  TRY(name, expect_identifier());
  static constexpr std::string_view kConstants[] = {"true", "True", "false", "False", "none", "None"};
  if (std::find(std::begin(kConstants), std::end(kConstants), name) != std::end(kConstants)) {
    return fail(at, joined({"nothing can be assigned to '", name, "'"}));
  }
  Target target;
  target.at = at;
  if (attributes_allowed && skip_operator(".")) {
    target.kind = Target::Kind::kAttribute;
    target.symbol = intern(name);
    TRY(attribute, expect_identifier());
    target.attribute = std::move(attribute);
    return target;
  }
  target.symbol = define(name);
  return target;
}

}  // namespace troupe::model::jinja
