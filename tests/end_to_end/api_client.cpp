#include "tests/end_to_end/api_client.hpp"

#include <deque>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "runtime/http/client.hpp"
#include "runtime/http/event_stream.hpp"

namespace troupe::end_to_end {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kAnswerLimit{60'000};
constexpr std::chrono::milliseconds kComesTrueLimit{30'000};
constexpr std::chrono::milliseconds kAskAgain{2};

http::ClientRequest request_of(std::string url, std::string method, std::string body) {
  http::ClientRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  if (request.method == "POST") request.headers = {{"content-type", "application/json"}};
  request.body = std::move(body);
  request.timeout = kAnswerLimit;
  return request;
}

Answer fetched(http::ClientRequest request) {
  const auto url = request.url;
  auto response = http::fetch(std::move(request));
  if (!response.ok()) throw std::runtime_error(url + ": " + response.error().message);
  return {response->status, std::move(response->headers), std::move(response->body)};
}

/// A client that opens a connection for each call.
http::Client single_use_client(boost::asio::io_context& io) {
  http::ClientConfig config;
  config.kept_connections = 0;
  auto client = http::Client::make(io, std::move(config));
  if (!client.ok()) throw std::runtime_error(client.error().message);
  return std::move(client).value();
}

void note(Streamed& all, const Json& chunk) {
  if (chunk.contains("error")) all.error = chunk["error"];
  if (chunk.contains("usage") && chunk["usage"].is_object()) all.usage = chunk["usage"];
  if (!chunk.contains("choices")) return;
  for (const auto& choice : chunk["choices"]) {
    const std::size_t index = choice.at("index");
    auto& text = all.text[index];
    if (choice.contains("text")) text += choice["text"].get<std::string>();
    if (choice.contains("delta") && choice["delta"].contains("content"))
      text += choice["delta"]["content"].get<std::string>();
    if (choice["finish_reason"].is_string()) all.finish_reason[index] = choice["finish_reason"];
    if (choice.contains("token_ids"))
      for (const int id : choice["token_ids"]) all.token_ids[index].push_back(id);
  }
}

}  // namespace

std::string Answer::text(std::size_t choice) const {
  const auto parsed = json();
  if (status != 200) throw std::runtime_error("status " + std::to_string(status) + ": " + body);
  const auto& chosen = parsed.at("choices").at(choice);
  return chosen.contains("text") ? chosen["text"].get<std::string>()
                                 : chosen.at("message").at("content").get<std::string>();
}

std::string Answer::header(const std::string& lower_case_name) const {
  const auto* value = http::find_header(headers, lower_case_name);
  return value ? *value : std::string();
}

struct Stream::State {
  boost::asio::io_context io{1};
  http::Client client = single_use_client(io);
  http::EventReader reader;
  std::deque<std::string> events;
  http::Client::Cancel cancel;
  int status = 0;
  bool ended = false;
  bool ended_well = false;
};

Stream::Stream(const std::string& url, const std::string& path, Json body) : state_(std::make_unique<State>()) {
  if (!body.contains("stream")) body["stream"] = true;
  http::ClientEvents events;
  events.on_head = [state = state_.get()](const http::ResponseHead& head) { state->status = head.status; };
  events.on_body = [state = state_.get()](std::string_view bytes) {
    state->reader.feed(bytes, [&](std::string_view event) { state->events.emplace_back(event); });
  };
  events.on_done = [state = state_.get()](const Result<void>& result) {
    state->ended = true;
    state->ended_well = result.ok();
  };
  state_->cancel = state_->client.start(request_of(url + path, "POST", body.dump()), std::move(events));
}

void Stream::pump() {
  while (state_->io.poll_one() > 0) {
  }
}

Stream::~Stream() { leave(); }

std::optional<std::string> Stream::next() {
  const auto end = Clock::now() + kAnswerLimit;
  while (state_->events.empty() && !state_->ended) {
    state_->io.run_one_for(kAnswerLimit);
    if (Clock::now() > end) throw std::runtime_error("a stream neither went on nor ended");
  }
  if (state_->events.empty()) return std::nullopt;
  auto event = std::move(state_->events.front());
  state_->events.pop_front();
  return event;
}

std::optional<Json> Stream::next_json() {
  const auto event = next();
  if (!event) return std::nullopt;
  auto json = Json::parse(*event, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

std::vector<std::string> Stream::rest() {
  std::vector<std::string> events;
  while (auto event = next()) events.push_back(std::move(*event));
  return events;
}

void Stream::leave() {
  if (state_->ended) return;
  state_->cancel();
  while (!state_->ended && state_->io.run_one_for(kAnswerLimit) > 0) {
  }
}

int Stream::status() const { return state_->status; }

bool Stream::ended_well() {
  rest();
  return state_->ended_well;
}

Answer Api::get(const std::string& path, std::vector<http::Header> headers) const {
  auto request = request_of(url_ + path, "GET", {});
  request.headers = std::move(headers);
  return fetched(std::move(request));
}

Answer Api::post(const std::string& path, const Json& body) const { return post_text(path, body.dump()); }

Answer Api::post_text(const std::string& path, std::string body) const {
  return fetched(request_of(url_ + path, "POST", std::move(body)));
}

std::vector<Answer> Api::post_all(const std::string& path, const std::vector<Json>& bodies) const {
  boost::asio::io_context io{1};
  auto client = single_use_client(io);
  std::vector<Answer> answers(bodies.size());
  std::string failure;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    http::ClientEvents events;
    events.on_head = [answer = &answers[i]](const http::ResponseHead& head) {
      answer->status = head.status;
      answer->headers = head.headers;
    };
    events.on_body = [answer = &answers[i]](std::string_view bytes) { answer->body += bytes; };
    events.on_done = [&failure](const Result<void>& result) {
      if (!result.ok()) failure = result.error().message;
    };
    client.start(request_of(url_ + path, "POST", bodies[i].dump()), std::move(events));
  }
  io.run();
  if (!failure.empty()) throw std::runtime_error(failure);
  return answers;
}

std::unique_ptr<Stream> Api::open(const std::string& path, const Json& body) const {
  return std::make_unique<Stream>(url_, path, body);
}

Streamed Api::stream(const std::string& path, const Json& body) const {
  const auto stream = open(path, body);
  Streamed all;
  while (const auto event = stream->next()) {
    all.done = *event == "[DONE]";
    if (all.done) continue;
    ++all.chunks;
    note(all, Json::parse(*event));
  }
  all.done = all.done && stream->ended_well();
  return all;
}

BlockCount Api::blocks() const {
  const auto status = get("/troupe/status").json();
  BlockCount count;
  for (const auto& machine : status.at("machines")) {
    count.free += machine.at("blocks").at("free").get<std::int64_t>();
    count.total += machine.at("blocks").at("total").get<std::int64_t>();
    count.running += machine.at("running").get<std::int64_t>();
    count.waiting += machine.at("waiting").get<std::int64_t>();
  }
  return count;
}

double Api::metric(const std::string& name, const std::string& labels) const {
  std::istringstream lines(get("/metrics").body);
  std::string line;
  bool found = false;
  double sum = 0;
  while (std::getline(lines, line)) {
    const auto end = line.find_first_of("{ ");
    if (line.substr(0, end) != name || line.find(labels) == std::string::npos) continue;
    found = true;
    sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  if (!found) throw std::runtime_error("/metrics has no " + name + " " + labels);
  return sum;
}

Json greedy(const std::string& prompt, int tokens) {
  return {
      {"model", "checkpoint"}, {"prompt", prompt}, {"max_tokens", tokens}, {"temperature", 0}, {"ignore_eos", true}};
}

bool comes_true(const std::function<bool()>& holds) {
  const auto end = Clock::now() + kComesTrueLimit;
  while (!holds()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(kAskAgain);
  }
  return true;
}

std::string long_prompt(std::size_t words, std::size_t seed) {
  static const std::vector<std::string> kWords = {"sister",  "letter",  "walked",  "morning",   "very",   "Elizabeth",
                                                  "could",   "house",   "never",   "carriage",  "quite",  "spoke",
                                                  "evening", "without", "pleased", "Mr. Darcy", "answer", "was",
                                                  "and",     "to the",  "but"};
  std::string text = "Letter " + std::to_string(seed) + ".";
  std::size_t state = seed * 2654435761u + 12345u;
  for (std::size_t i = 0; i < words; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    text += " " + kWords[(state >> 33) % kWords.size()];
  }
  return text;
}

}  // namespace troupe::end_to_end
