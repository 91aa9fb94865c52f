// The message half of a connection: from bytes to the handler, and from answers to bytes.
#include <algorithm>
#include <charconv>

#include "runtime/base/check.hpp"
#include "runtime/http/auth.hpp"
#include "runtime/http/connection.hpp"
#include "runtime/http/response.hpp"

namespace troupe::http {
namespace {

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-';
  });
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, lower case, ids not all zero (W3C Trace Context, section 3.2).
bool is_traceparent(std::string_view text) {
  if (text.size() != 55 || text.substr(0, 3) != "00-" || text[35] != '-' || text[52] != '-') return false;
  const auto all_hex = [](std::string_view part) {
    return std::all_of(part.begin(), part.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  };
  const auto all_zero = [](std::string_view part) { return part.find_first_not_of('0') == std::string_view::npos; };
  const auto trace = text.substr(3, 32), parent = text.substr(36, 16);
  return all_hex(trace) && all_hex(parent) && all_hex(text.substr(53)) && !all_zero(trace) && !all_zero(parent);
}

std::string new_request_id(ServerContext& context) {
  char text[48] = "req-";
  char* at = std::to_chars(text + 4, text + 24, context.id_prefix, 16).ptr;
  *at++ = '-';
  at = std::to_chars(at, text + sizeof text, ++context.ids).ptr;
  return {text, at};
}

bool is_json_type(const std::string* content_type) {
  if (!content_type) return false;
  auto type = lower_case(std::string_view(*content_type).substr(0, content_type->find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  return type == "application/json";
}

}  // namespace

void Connection::consume(std::size_t count) {
  in_at_ += count;
  if (in_at_ == in_.size()) {
    in_.clear();
    in_at_ = 0;
    // A burst's buffer is not kept by a connection that then sits idle.
    if (in_.capacity() > 64 * 1024) in_.shrink_to_fit();
  } else if (in_at_ > in_.size() / 2) {
    in_.erase(0, in_at_);
    in_at_ = 0;
  }
}

void Connection::process() {
  if (state_ == State::kIdle && !unread().empty()) {
    state_ = State::kHead;
    scanner_.reset();
    read_deadline_.arm(shared_from_this(), context_.config.limits.head_timeout);
  }
  if (state_ == State::kHead) {
    const auto outcome = scanner_.scan(unread(), context_.config.limits.head.bytes);
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
      ++context_.counters.requests;
      return refuse(*refusal);
    }
    if (const auto* complete = std::get_if<HeadScanner::Complete>(&outcome)) on_head(complete->length);
  }
  if (state_ == State::kBody && read_body()) dispatch();
}

void Connection::on_head(std::size_t length) {
  ++context_.counters.requests;
  auto parsed = parse_request_head(unread().substr(0, length), context_.config.limits.head);
  consume(length);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) return refuse(*refusal);
  head_ = std::get<RequestHead>(std::move(parsed));
  close_after_ = head_.close || context_.draining;
  head_only_ = head_.method == "HEAD";
  const auto* id = find_header(head_.headers, "x-request-id");
  request_id_ = id && is_request_id(*id) ? *id : new_request_id(context_);
  const auto* trace = find_header(head_.headers, "traceparent");
  traceparent_ = trace && is_traceparent(*trace) ? *trace : std::string{};
  const auto question = std::min(head_.target.find('?'), head_.target.size());
  path_ = head_.target.substr(0, question);
  query_ = head_.target.substr(std::min(question + 1, head_.target.size()));

  auto matched = context_.routes.match(head_.method, path_);
  if (const auto* refusal = std::get_if<Refusal>(&matched)) return refuse(*refusal, !head_.has_body());
  if (const auto* allowed = std::get_if<AllowedMethods>(&matched)) return answer_options(allowed->list);
  match_ = std::get<RouteMatch>(std::move(matched));
  if (const auto refusal = route_and_admit()) return refuse(*refusal, !head_.has_body());

  state_ = State::kBody;
  body_.clear();
  chunks_.reset();
  if (head_.chunked) chunks_.emplace(body_limit_, ChunkDecoder::Extras::kRefuse);
  if (!head_.has_body()) return;
  body_started_ = clock::steady_now();
  read_deadline_.arm(shared_from_this(), context_.config.limits.body_timeout);
  if (head_.expect_continue && unread().empty()) {
    push("HTTP/1.1 100 Continue\r\n\r\n");
    write_more();
  }
}

std::optional<Refusal> Connection::route_and_admit() {
  const auto& route = context_.routes.routes()[match_->route];
  auto admitted = authenticate(context_.config.api_keys, route.scope, head_);
  if (auto* refusal = std::get_if<Refusal>(&admitted)) return std::move(*refusal);
  api_key_ = std::get<0>(admitted);
  const bool takes_body = route.method != "GET" && route.method != "DELETE";
  body_limit_ = route.body_limit.value_or(takes_body ? context_.config.limits.body_bytes : 0);
  if (route.json_body && !is_json_type(find_header(head_.headers, "content-type")))
    return Refusal{415, "This route reads JSON: send the header `content-type: application/json`.", {}};
  const auto* encoding = find_header(head_.headers, "content-encoding");
  if (encoding && lower_case(*encoding) != "identity")
    return Refusal{415, "Encoded bodies are not read: leave content-encoding out.", {}};
  if (head_.content_length > body_limit_)
    return Refusal{413, "The body is larger than this route's limit of " + std::to_string(body_limit_) + " bytes.", {}};
  return std::nullopt;
}

bool Connection::read_body() {
  auto rest = unread();
  const auto before = rest.size();
  const auto had = body_.size();
  auto status = ChunkDecoder::Status::kMore;
  if (chunks_) {
    status = chunks_->feed(rest, body_);
  } else {
    const auto take = std::min(rest.size(), static_cast<std::size_t>(head_.content_length) - body_.size());
    body_.append(rest.substr(0, take));
    rest.remove_prefix(take);
    if (body_.size() == head_.content_length) status = ChunkDecoder::Status::kDone;
  }
  consume(before - rest.size());
  body_charge_ += body_.size() - had;
  context_.counters.body_bytes_held += body_.size() - had;
  if (status == ChunkDecoder::Status::kMalformed) {
    refuse({400, "The chunked body is malformed; chunk extensions and trailers are refused too.", {}});
  } else if (status == ChunkDecoder::Status::kTooLarge) {
    refuse({413, "The body is larger than this route's limit of " + std::to_string(body_limit_) + " bytes.", {}});
  } else if (context_.counters.body_bytes_held > context_.config.limits.total_body_bytes) {
    refuse({503, "This server holds too many request bodies now; try again later.", {{"retry-after", "1"}}});
  } else if (status == ChunkDecoder::Status::kMore && body_.size() > had) {
    const auto& limits = context_.config.limits;
    const auto earned =
        std::chrono::milliseconds(body_.size() * 1000 / std::max<std::size_t>(1, limits.body_bytes_per_second));
    const auto allowed = std::min(limits.body_timeout + earned, limits.body_total_timeout);
    read_deadline_.arm(shared_from_this(), body_started_ + allowed - clock::steady_now());
  }
  return status == ChunkDecoder::Status::kDone && state_ == State::kBody;
}

void Connection::dispatch() {
  read_deadline_.disarm();
  state_ = State::kHandling;
  chunked_answer_ = false;
  Request request;
  request.method = context_.routes.routes()[match_->route].method;
  request.path = path_;
  request.parameter = std::move(match_->parameter);
  request.query = query_;
  request.request_id = request_id_;
  request.traceparent = traceparent_;
  request.peer = peer_.address().to_string() + ":" + std::to_string(peer_.port());
  request.route = match_->route;
  request.api_key = api_key_;
  request.body = std::move(body_);
  body_.clear();
  for (const auto& header : head_.headers)
    if (header.name != "authorization") request.headers.push_back(header);
  link_ = std::make_shared<Link>(context_.port, weak_from_this(), context_.config.limits.queued_bytes);
  ++context_.counters.in_flight;
  context_.handler(std::make_shared<Exchange>(std::move(request), link_));
}

void Connection::release_body() {
  context_.counters.body_bytes_held -= std::exchange(body_charge_, 0);
  std::string().swap(body_);
}

void Connection::next_request() {
  state_ = State::kIdle;
  head_ = {};
  head_only_ = false;
  match_.reset();
  request_id_.clear();
  if (close_after_) return close();
  read_deadline_.arm(shared_from_this(), context_.config.limits.idle_timeout);
  process();
  read_more();
}

void Connection::refuse(const Refusal& refusal, bool keep_connection) {
  if (!keep_connection) close_after_ = true;
  if (request_id_.empty()) request_id_ = new_request_id(context_);
  auto body = error_body(refusal.status, refusal.message);
  push(head_text(refusal.status, "application/json", refusal.headers,
                 {{"content-length", std::to_string(body.size())}}));
  if (!head_only_) push(std::move(body));
  finish(close_after_ ? After::kLinger : After::kNextRequest);
}

void Connection::answer_options(const std::string& allowed) {
  if (head_.has_body()) close_after_ = true;
  std::vector<Header> headers{{"allow", allowed}};
  if (!context_.config.allow_origins.empty()) {
    headers.push_back({"access-control-allow-methods", allowed});
    headers.push_back({"access-control-allow-headers", "authorization, content-type, x-request-id"});
    headers.push_back({"access-control-max-age", "600"});
  }
  push(head_text(204, {}, std::move(headers), {}));
  finish(close_after_ ? After::kLinger : After::kNextRequest);
}

void Connection::add_cors(std::vector<Header>& headers) const {
  if (context_.config.allow_origins.empty()) return;
  headers.push_back({"vary", "origin"});
  const auto* origin = find_header(head_.headers, "origin");
  if (!origin) return;
  for (const auto& allowed : context_.config.allow_origins) {
    if (allowed != "*" && allowed != *origin) continue;
    headers.push_back({"access-control-allow-origin", allowed});
    headers.push_back({"access-control-expose-headers", "x-request-id, retry-after"});
    return;
  }
}

std::string Connection::head_text(int status, const std::string& content_type, std::vector<Header> headers,
                                  std::vector<Header> framing) {
  ++context_.counters.answers[static_cast<std::size_t>(status)];
  if (context_.config.on_answer)
    context_.config.on_answer(status, match_ ? std::optional(match_->route) : std::nullopt);
  close_after_ = close_after_ || context_.draining;
  if (!content_type.empty()) headers.push_back({"content-type", content_type});
  headers.insert(headers.end(), framing.begin(), framing.end());
  headers.push_back({"x-request-id", request_id_});
  if (context_.config.unix_seconds) headers.push_back({"date", http_date(context_.config.unix_seconds())});
  add_cors(headers);
  if (close_after_) headers.push_back({"connection", "close"});
  return response_head(status, headers);
}

void Connection::answer(Link& link, int status, const std::string& content_type, std::string body,
                        const std::vector<Header>& headers) {
  if (link_.get() != &link || state_ != State::kHandling) return;
  const bool bodiless = status == 204 || status == 304;
  push(head_text(
      status, content_type, headers,
      bodiless ? std::vector<Header>{} : std::vector<Header>{{"content-length", std::to_string(body.size())}}));
  if (!head_only_ && !bodiless) push(std::move(body));
  finish(close_after_ ? After::kLinger : After::kNextRequest);
}

void Connection::open_stream(Link& link, int status, const std::string& content_type,
                             const std::vector<Header>& headers) {
  if (link_.get() != &link || state_ != State::kHandling) return;
  state_ = State::kStreaming;
  chunked_answer_ = head_.minor_version == 1;
  event_stream_ = content_type.rfind("text/event-stream", 0) == 0;
  std::vector<Header> framing;
  if (chunked_answer_) framing.push_back({"transfer-encoding", "chunked"});
  if (event_stream_) {
    framing.push_back({"cache-control", "no-cache"});
    framing.push_back({"x-accel-buffering", "no"});
  }
  push(head_text(status, content_type, headers, std::move(framing)));
  write_more();
  if (event_stream_ && context_.config.limits.stream_ping.count() > 0 && !head_only_)
    ping_deadline_.arm(shared_from_this(), context_.config.limits.stream_ping);
}

void Connection::stream(Link& link, const std::string& data) {
  if (link_.get() != &link || state_ != State::kStreaming) return;
  if (head_only_) return link.sent(data.size());
  push(chunked_answer_ ? make_chunk(data) : data, data.size());
  write_more();
  if (event_stream_ && context_.config.limits.stream_ping.count() > 0)
    ping_deadline_.arm(shared_from_this(), context_.config.limits.stream_ping);
}

void Connection::close_stream(Link& link, Ending ending) {
  if (link_.get() != &link) return;
  if (ending == Ending::kCut) return finish(After::kCut);
  if (chunked_answer_ && !head_only_) push(std::string(kLastChunk));
  finish(close_after_ ? After::kLinger : After::kNextRequest);
}

void Connection::too_slow(Link& link) {
  if (link_.get() == &link) client_gone();
}

}  // namespace troupe::http
