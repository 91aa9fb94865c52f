#include "actors/recorder/recorder.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace troupe {

RecorderActor::behavior_type Recorder::make_behavior() {
  return {
      [this](RequestBegan& began) {
        if (known_.size() >= kRequests) known_.pop_front();
        const auto began_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now().time_since_epoch()).count();
        known_.push_back({began.request, std::move(began.name), began_ns});
      },
      [this](ShowRequest& question) { question.with(show(question.id)); },
      [this](const QueryTrace& query) {
        TraceFound found;
        if (flight_ == nullptr) return found;
        auto trace = trace::trace_request(query.request, 0, flight_->events(), flight_->notes());
        found.complete = flight_->dropped() == 0 || !trace.messages.empty();
        found.messages = std::move(trace.messages);
        return found;
      },
  };
}

bool means_request(const std::string& id, RequestId request, const std::string& name) {
  std::string_view wanted = id;
  for (const std::string_view prefix : {"chatcmpl-", "cmpl-"})
    if (wanted.starts_with(prefix)) wanted.remove_prefix(prefix.size());
  if (id == std::to_string(request.value) || name == id || name == wanted) return true;
  // A call's name stands for all its choices.
  if (wanted.empty() || !name.starts_with(wanted) || name.size() < wanted.size() + 2 || name[wanted.size()] != '-')
    return false;
  return std::all_of(name.begin() + static_cast<std::ptrdiff_t>(wanted.size()) + 1, name.end(),
                     [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

Result<std::vector<trace::RequestTrace>> Recorder::show(const std::string& id) const {
  if (flight_ == nullptr)
    return Error{ErrorCode::kUnsupported,
                 "This server records no messages (trace.enabled is false). Start it with tracing on."};
  std::vector<trace::RequestTrace> traces;
  const auto events = flight_->events();
  const auto notes = flight_->notes();
  for (const auto& each : known_)
    if (means_request(id, each.request, each.name))
      traces.push_back(trace::trace_request(each.request, each.began_ns, events, notes));
  if (traces.empty())
    return Error{ErrorCode::kMissingInput,
                 "No request \"" + id + "\" is known among the last " + std::to_string(known_.size()) +
                     ". Give the \"id\" of an answer, or the x-request-id header that came with it."};
  return traces;
}

}  // namespace troupe
