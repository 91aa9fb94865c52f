// The `post_processor` of a tokenizer file: the tokens that go around a text (BOS and the like).
#pragma once

#include <vector>

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include "runtime/model/tokenizer/fields.hpp"

namespace troupe::model::tok {

class PostProcessor {
 public:
  /// Of `tokenizer`'s field `post_processor`; none if that is null. Templates are read for single texts, not for pairs.
  /// Their ids must be below `id_bound`. kUnsupported names a kind that it does not know.
  static Result<PostProcessor> parse(const Fields& tokenizer, std::size_t id_bound);

  /// `tokens` with what goes around them.
  std::vector<TokenId> apply(std::vector<TokenId> tokens) const;

 private:
  Result<void> add(const Fields& component, std::size_t id_bound);
  Result<void> add_template(const Fields& component, std::size_t id_bound);

  std::vector<TokenId> before_, behind_;
};

}  // namespace troupe::model::tok
