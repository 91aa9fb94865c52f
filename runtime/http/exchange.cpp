#include <utility>

#include "runtime/http/exchange.hpp"

#include "runtime/base/check.hpp"
#include "runtime/http/connection.hpp"
#include "runtime/http/link.hpp"
#include "runtime/http/response.hpp"

namespace troupe::http {

/// Posts a step onto the io thread; the caller holds the mutex, so that steps are posted in the order of the phases
/// they belong to.
template <class Step>
bool Link::post_step(Step step) {
  return port_->post([link = shared_from_this(), step = std::move(step)]() mutable {
    if (const auto connection = link->connection_.lock()) step(*connection, *link);
  });
}

bool Link::respond(int status, std::string content_type, std::string body, std::vector<Header> headers) {
  CHECK(status >= 200 && status <= 599, status);
  std::function<void()> unused;
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::kOpen) return false;
  phase_ = Phase::kEnded;
  unused.swap(gone_);
  return post_step([status, type = std::move(content_type), body = std::move(body), headers = std::move(headers)](
                       Connection& connection, Link& link) mutable {
    connection.answer(link, status, type, std::move(body), headers);
  });
}

bool Link::begin_stream(int status, std::string content_type, std::vector<Header> headers) {
  CHECK(status >= 200 && status <= 599 && status != 204 && status != 304, status);
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::kOpen) return false;
  phase_ = Phase::kStreaming;
  return post_step([status, type = std::move(content_type), headers = std::move(headers)](
                       Connection& connection, Link& link) { connection.open_stream(link, status, type, headers); });
}

bool Link::send(std::string data) {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::kStreaming || overflowed_) return false;
  if (data.empty()) return true;
  if (data.size() > queue_limit_ - std::min(unsent_bytes_, queue_limit_)) {
    overflowed_ = true;
    post_step([](Connection& connection, Link& link) { connection.too_slow(link); });
    return false;
  }
  unsent_bytes_ += data.size();
  return post_step([data = std::move(data)](Connection& connection, Link& link) { connection.stream(link, data); });
}

bool Link::end_stream() {
  std::function<void()> unused;
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::kStreaming || overflowed_) return false;
  phase_ = Phase::kEnded;
  unused.swap(gone_);
  return post_step(
      [](Connection& connection, Link& link) { connection.close_stream(link, Connection::Ending::kComplete); });
}

bool Link::abort() {
  std::function<void()> unused;
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kEnded || phase_ == Phase::kGone || overflowed_) return false;
  phase_ = Phase::kEnded;
  unused.swap(gone_);
  return post_step([](Connection& connection, Link& link) { connection.close_stream(link, Connection::Ending::kCut); });
}

void Link::abandon() {
  if (!respond(500, "application/json",
               error_body(500, "The request was dropped without an answer. This is a bug of the server."), {}))
    abort();
}

void Link::on_disconnect(std::function<void()> gone) {
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kOpen || phase_ == Phase::kStreaming) return gone_.swap(gone);
    if (phase_ == Phase::kEnded) return;
  }
  if (gone) gone();
}

std::size_t Link::unsent_bytes() const {
  const std::lock_guard lock(mutex_);
  return unsent_bytes_;
}

bool Link::connected() const {
  const std::lock_guard lock(mutex_);
  return phase_ != Phase::kGone;
}

void Link::sent(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  CHECK(bytes <= unsent_bytes_, bytes, unsent_bytes_);
  unsent_bytes_ -= bytes;
}

std::optional<std::function<void()>> Link::disconnected() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kEnded || phase_ == Phase::kGone) return std::nullopt;
  phase_ = Phase::kGone;
  return std::exchange(gone_, nullptr);
}

Exchange::Exchange(Request request, std::shared_ptr<Link> link)
    : request_(std::move(request)), link_(std::move(link)) {}

Exchange::~Exchange() { link_->abandon(); }

bool Exchange::respond(int status, std::string_view content_type, std::string body, std::vector<Header> headers) {
  return link_->respond(status, std::string(content_type), std::move(body), std::move(headers));
}

bool Exchange::respond_error(int status, std::string_view message, std::string_view param,
                             std::vector<Header> headers) {
  return respond(status, "application/json", error_body(status, message, param), std::move(headers));
}

bool Exchange::begin_stream(int status, std::string_view content_type, std::vector<Header> headers) {
  return link_->begin_stream(status, std::string(content_type), std::move(headers));
}

bool Exchange::send(std::string data) { return link_->send(std::move(data)); }
bool Exchange::end_stream() { return link_->end_stream(); }
bool Exchange::abort_stream() { return link_->abort(); }
void Exchange::on_disconnect(std::function<void()> gone) { link_->on_disconnect(std::move(gone)); }
std::size_t Exchange::unsent_bytes() const { return link_->unsent_bytes(); }
bool Exchange::connected() const { return link_->connected(); }

}  // namespace troupe::http
