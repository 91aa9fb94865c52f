// The tests that follow `is`.
#include "runtime/model/chat_template/evaluator.hpp"
#include "runtime/model/chat_template/natives.hpp"
#include "runtime/model/chat_template/print.hpp"

namespace troupe::model::jinja {

namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

/// A test without arguments that looks at the value only.
template <bool (*holds)(const Value&)>
Result<Value> plain(Evaluator&, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  return boolean(holds(self));
}

bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.kind() == Kind::kBool; }
bool is_the_true(const Value& value) { return is_boolean(value) && value.integer() == 1; }
bool is_the_false(const Value& value) { return is_boolean(value) && value.integer() == 0; }
bool is_integer(const Value& value) { return value.kind() == Kind::kInt || value.kind() == Kind::kBigInt; }
bool is_float(const Value& value) { return value.kind() == Kind::kFloat; }
bool is_number(const Value& value) { return value.is_number(); }
bool is_string(const Value& value) { return value.is_string(); }
bool is_mapping(const Value& value) { return value.is_dict(); }
bool is_escaped(const Value& value) { return value.markup; }
bool is_sequence(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is_list() || value.is_dict() ||
         value.kind() == Kind::kRange;
}
bool is_iterable(const Value& value) {
  return is_sequence(value) || value.kind() == Kind::kSequence || value.kind() == Kind::kLoop;
}
bool is_callable(const Value& value) {
  return value.is_undefined() || value.kind() == Kind::kMacro || value.kind() == Kind::kMethod ||
         value.kind() == Kind::kFunction || (value.kind() == Kind::kNamespace && value.name_space().is_joiner);
}

template <Operator op>
Result<Value> comparing(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"other"}, 1));
  TRY(holds, compare(evaluator.budget(), op, self, bound.required(0)));
  return boolean(holds);
}

Result<Value> remainder_is(Evaluator& evaluator, const Value& self, const Value& divisor, std::int64_t wanted) {
  TRY(rest, arithmetic(evaluator.budget(), Operator::kModulo, self, divisor));
  TRY(same, equal(evaluator.budget(), rest, integer(wanted)));
  return boolean(same);
}

template <std::int64_t wanted>
Result<Value> parity(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  return remainder_is(evaluator, self, integer(2), wanted);
}

Result<Value> divisible_by(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"num"}, 1));
  return remainder_is(evaluator, self, bound.required(0), 0);
}

Result<Value> same_as(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {"other"}, 1));
  const Value& other = bound.required(0);
  if (self.kind() != other.kind()) return boolean(false);
  if (self.kind() == Kind::kSequence) return boolean(&self.sequence() == &other.sequence());
  if (self.is_dict()) return boolean(&self.dict() == &other.dict());
  TRY(same, equal(evaluator.budget(), self, other));
  return boolean(same);
}

template <bool upper>
Result<Value> case_is(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  TRY(bound, bind(arguments, {}, 0));
  static_cast<void>(bound);
  TRY(text, to_text(evaluator.budget(), self));
  return string_methods().at(upper ? "isupper" : "islower")(evaluator, string(std::move(text)), Arguments());
}

Result<Value> is_known(const NativeTable& table, const Value& self) {
  if (!self.is_string()) return invalid("needs a name");
  return boolean(table.contains(self.text().bytes()));
}
Result<Value> is_filter(Evaluator&, const Value& self, const Arguments&) { return is_known(filters(), self); }
Result<Value> is_test(Evaluator&, const Value& self, const Arguments&) { return is_known(tests(), self); }

}  // namespace

const NativeTable& tests() {
  static const NativeTable kTable = {{"defined", plain<is_defined>},
                                     {"undefined", plain<is_undefined>},
                                     {"none", plain<is_none>},
                                     {"boolean", plain<is_boolean>},
                                     {"true", plain<is_the_true>},
                                     {"false", plain<is_the_false>},
                                     {"integer", plain<is_integer>},
                                     {"float", plain<is_float>},
                                     {"number", plain<is_number>},
                                     {"string", plain<is_string>},
                                     {"mapping", plain<is_mapping>},
                                     {"sequence", plain<is_sequence>},
                                     {"iterable", plain<is_iterable>},
                                     {"callable", plain<is_callable>},
                                     {"escaped", plain<is_escaped>},
                                     {"sameas", same_as},
                                     {"lower", case_is<false>},
                                     {"upper", case_is<true>},
                                     {"odd", parity<1>},
                                     {"even", parity<0>},
                                     {"divisibleby", divisible_by},
                                     {"filter", is_filter},
                                     {"test", is_test},
                                     {"in", comparing<Operator::kIn>},
                                     {"==", comparing<Operator::kEqual>},
                                     {"eq", comparing<Operator::kEqual>},
                                     {"equalto", comparing<Operator::kEqual>},
                                     {"!=", comparing<Operator::kNotEqual>},
                                     {"ne", comparing<Operator::kNotEqual>},
                                     {"<", comparing<Operator::kLess>},
                                     {"lt", comparing<Operator::kLess>},
                                     {"lessthan", comparing<Operator::kLess>},
                                     {"<=", comparing<Operator::kLessEqual>},
                                     {"le", comparing<Operator::kLessEqual>},
                                     {">", comparing<Operator::kGreater>},
                                     {"gt", comparing<Operator::kGreater>},
                                     {"greaterthan", comparing<Operator::kGreater>},
                                     {">=", comparing<Operator::kGreaterEqual>},
                                     {"ge", comparing<Operator::kGreaterEqual>}};
  return kTable;
}

}  // namespace troupe::model::jinja
