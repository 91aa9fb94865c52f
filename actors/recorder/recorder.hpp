// What a node remembers of its requests.
// Owns: the names of the last requests and when each began; reads the flight recorder, which the actors' mix-in fills.
// Promises: an answer for each question. Refuses: requests that it does not know, with what it does know.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include "runtime/base/result.hpp"
#include "runtime/exec/actor.hpp"
#include "runtime/trace/request_trace.hpp"

namespace troupe {

/// Notice: a request begins. `name` is the client's word for it, with "-<choice>" appended where there are several.
struct RequestBegan {
  RequestId request;
  std::string name;
};

/// Question: what happened to the requests that answer to `id`? That is a request's number, its name, or the id of the
/// call's answer
/// ("chatcmpl-<name>"), which may be several requests. `with` is called once, by this actor.
struct ShowRequest {
  std::string id;
  std::function<void(Result<std::vector<trace::RequestTrace>>)> with;
};

/// Question of another node: what is recorded here about this request?
struct QueryTrace {
  RequestId request;
};
/// Answer to QueryTrace. Times are of this node's clock.
struct TraceFound {
  bool complete = true;
  std::vector<trace::Message> messages;
};

using RecorderActor = caf::typed_actor<caf::reacts_to<RequestBegan>, caf::reacts_to<ShowRequest>,
                                       caf::replies_to<QueryTrace>::with<TraceFound>>;

class Recorder final : public exec::Actor<RecorderActor::base> {
 public:
  /// Requests whose names are kept.
  static constexpr std::size_t kRequests = 4096;

  /// `flight`: must outlive the actor; null where nothing is recorded.
  Recorder(caf::actor_config& config, const trace::FlightRecorder* flight) : Actor(config), flight_(flight) {}
  const char* name() const override { return "recorder"; }

 protected:
  RecorderActor::behavior_type make_behavior() override;

 private:
  struct Known {
    RequestId request;
    std::string name;
    std::int64_t began_ns = 0;
  };

  Result<std::vector<trace::RequestTrace>> show(const std::string& id) const;

  const trace::FlightRecorder* flight_;
  std::deque<Known> known_;
};

/// Whether `id`, as a client may write it, means a request of this number and name.
bool means_request(const std::string& id, RequestId request, const std::string& name);

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RequestBegan)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ShowRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::QueryTrace)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::TraceFound)
