// The filters' two halves; natives.hpp has the table that joins them.
#pragma once

#include "runtime/model/chat_template/natives.hpp"

namespace troupe::model::jinja {

/// Filters that make text or a number of one value.
const NativeTable& text_filters();
/// Filters over sequences and dicts.
const NativeTable& sequence_filters();

}  // namespace troupe::model::jinja
