#include "runtime/model/chat_template/arguments.hpp"

#include <algorithm>

namespace troupe::model::jinja {

Result<std::int64_t> Bound::integer(std::size_t i, std::int64_t fallback) const {
  if (values_[i] == nullptr) return fallback;
  if (values_[i]->is_integer()) return values_[i]->integer();
  return Error{ErrorCode::kInvalidInput,
               joined({"argument ", std::to_string(i + 1), " is a ", type_name(*values_[i]), "; expected an int"})};
}

Result<const Text*> Bound::text(std::size_t i) const {
  if (values_[i] != nullptr && values_[i]->is_string()) return &values_[i]->text();
  return Error{ErrorCode::kInvalidInput,
               joined({"argument ", std::to_string(i + 1), " is a ",
                       values_[i] == nullptr ? "NoneType" : type_name(*values_[i]), "; expected a str"})};
}

Result<Bound> bind(const Arguments& arguments, std::initializer_list<std::string_view> names, std::size_t required) {
  if (arguments.positional.size() > names.size()) {
    return Error{ErrorCode::kInvalidInput, joined({"takes at most ", std::to_string(names.size()), " arguments; ",
                                                   std::to_string(arguments.positional.size()), " were given"})};
  }
  std::vector<const Value*> values(names.size(), nullptr);
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) values[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto known = std::find(names.begin(), names.end(), name);
    if (known == names.end()) return Error{ErrorCode::kInvalidInput, joined({"has no argument named '", name, "'"})};
    const Value*& place = values[static_cast<std::size_t>(known - names.begin())];
    if (place != nullptr) return Error{ErrorCode::kInvalidInput, joined({"got the argument '", name, "' twice"})};
    place = &value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (values[i] == nullptr)
      return Error{ErrorCode::kInvalidInput, joined({"needs the argument '", names.begin()[i], "'"})};
  }
  return Bound(std::move(values));
}

}  // namespace troupe::model::jinja
