// A client of one server for the end-to-end tests: calls one at a time, many at once, and streams that can be left in
// the middle.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/http/message.hpp"

namespace troupe::end_to_end {

using Json = nlohmann::json;

struct Answer {
  int status = 0;
  std::vector<http::Header> headers;
  std::string body;

  /// The body; a discarded value where it is not JSON.
  Json json() const { return Json::parse(body, nullptr, false); }
  /// Text of a completion's or a chat's choice, not streamed.
  std::string text(std::size_t choice = 0) const;
  /// The value of a header field, "" where there is none.
  std::string header(const std::string& lower_case_name) const;
};

/// One event stream, read as far as the test asks.
class Stream {
 public:
  /// A call with "stream": true unless `body` says otherwise. It goes out as the functions below are called.
  Stream(const std::string& url, const std::string& path, Json body);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Sends and receives what can be without waiting.
  void pump();
  /// The data of the next event; none once the stream has ended, well or not. Throws after a minute without either.
  std::optional<std::string> next();
  /// The next event; none where it is not JSON, as "[DONE]".
  std::optional<Json> next_json();
  /// Events up to the end.
  std::vector<std::string> rest();
  /// Closes the connection, wherever the stream is.
  void leave();
  int status() const;
  /// Reads up to the end. Whether the server ended the stream as HTTP has it, and not by closing the connection.
  bool ended_well();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a whole stream said of its choices.
struct Streamed {
  std::map<std::size_t, std::string> text;
  std::map<std::size_t, std::string> finish_reason;
  std::map<std::size_t, std::vector<int>> token_ids;
  Json usage;  ///< null without a usage chunk
  std::size_t chunks = 0;
  bool done = false;  ///< "[DONE]" was its last event
  Json error;         ///< null without an error event
};

struct BlockCount {
  std::int64_t free = 0;
  std::int64_t total = 0;
  std::int64_t running = 0;
  std::int64_t waiting = 0;
};

class Api {
 public:
  explicit Api(std::string url) : url_(std::move(url)) {}

  /// Throws std::runtime_error where there is no answer.
  Answer get(const std::string& path, std::vector<http::Header> headers = {}) const;
  Answer post(const std::string& path, const Json& body) const;
  Answer post_text(const std::string& path, std::string body) const;
  /// All at once, each on a connection of its own; answers in the order of `bodies`.
  std::vector<Answer> post_all(const std::string& path, const std::vector<Json>& bodies) const;
  Streamed stream(const std::string& path, const Json& body) const;
  /// A call whose events the test reads itself.
  std::unique_ptr<Stream> open(const std::string& path, const Json& body) const;

  /// Of all machines, from /troupe/status.
  BlockCount blocks() const;
  /// The sum of a metric's samples whose labels hold `labels`. Throws where there is none.
  double metric(const std::string& name, const std::string& labels = "") const;

 private:
  std::string url_;
};

/// A greedy completion of `tokens` tokens, no fewer.
Json greedy(const std::string& prompt, int tokens);
/// Asks until `holds` is true; false after half a minute of asking.
bool comes_true(const std::function<bool()>& holds);
/// About `words` words of English, no two alike for different `seed`.
std::string long_prompt(std::size_t words, std::size_t seed = 0);

}  // namespace troupe::end_to_end
