#include "runtime/model/tokenizer/trust.hpp"

#include <algorithm>

namespace troupe::model::tok {

std::vector<Trust::Stretch>::const_iterator Trust::behind(std::size_t at) const {
  return std::partition_point(stretches_.begin(), stretches_.end(), [&](const Stretch& s) { return s.end <= at; });
}

bool Trust::covers(std::size_t begin, std::size_t end) const {
  const auto found = behind(begin);
  return found != stretches_.end() && found->begin <= begin && end <= found->end;
}

std::size_t Trust::next_trusted(std::size_t at, std::size_t otherwise) const {
  const auto found = behind(at);
  return found == stretches_.end() ? otherwise : std::max(at, found->begin);
}

Trust Trust::within(std::size_t begin, std::size_t end) const {
  Trust part;
  for (auto at = behind(begin); at != stretches_.end() && at->begin < end; ++at) {
    part.add(std::max(at->begin, begin) - begin, std::min(at->end, end) - begin);
  }
  return part;
}

std::string Trust::marks(std::size_t size) const {
  std::string marks(size, '\0');
  for (const Stretch& s : stretches_) {
    for (std::size_t at = s.begin; at < s.end && at < size; ++at) marks[at] = 1;
  }
  return marks;
}

Trust Trust::of_marks(std::string_view marks) {
  Trust trust;
  for (std::size_t at = 0; at < marks.size();) {
    std::size_t end = at + 1;
    while (end < marks.size() && marks[end] == marks[at]) ++end;
    if (marks[at] != 0) trust.add(at, end);
    at = end;
  }
  return trust;
}

}  // namespace troupe::model::tok
