#include "actors/gateway/http_reply.hpp"

#include <utility>

namespace troupe {
namespace {

class ExchangeResponder final : public Responder {
 public:
  explicit ExchangeResponder(std::shared_ptr<http::Exchange> exchange) : exchange_(std::move(exchange)) {}

  // An answer that finds the client gone is no error: the disconnect has been told.
  void respond(int status, std::string_view content_type, std::string body,
               std::vector<http::Header> headers) override {
    exchange_->respond(status, content_type, std::move(body), std::move(headers));
  }
  void begin_stream(std::vector<http::Header> headers) override {
    exchange_->begin_stream(200, "text/event-stream", std::move(headers));
  }
  void send(std::string events) override { exchange_->send(std::move(events)); }
  void end_stream() override { exchange_->end_stream(); }
  void abort_stream() override { exchange_->abort_stream(); }
  void on_disconnect(std::function<void()> gone) override { exchange_->on_disconnect(std::move(gone)); }

 private:
  std::shared_ptr<http::Exchange> exchange_;
};

}  // namespace

std::unique_ptr<Responder> respond_to(std::shared_ptr<http::Exchange> exchange) {
  return std::make_unique<ExchangeResponder>(std::move(exchange));
}

void respond_error(Responder& responder, const openai::ApiError& error) {
  std::vector<http::Header> headers;
  if (error.retry_after_s) headers.push_back({"retry-after", std::to_string(*error.retry_after_s)});
  responder.respond(error.status, "application/json", error.body(), std::move(headers));
}

void HttpReply::on_gone(std::function<void()> gone) { responder_->on_disconnect(std::move(gone)); }

void HttpReply::accepted(std::shared_ptr<const openai::AnswerContext> context) {
  streams_ = context->call.generation.stream;
  format_ = streams_ ? openai::make_stream_format(std::move(context)) : openai::make_whole_format(std::move(context));
}

void HttpReply::stream(std::string events) {
  if (!streams_ || events.empty()) return;
  if (!std::exchange(begun_, true)) responder_->begin_stream({});
  responder_->send(std::move(events));
}

void HttpReply::prompt_scored(std::size_t choice, std::vector<kernels::Sampled> tokens) {
  stream(format_->prompt_scored(choice, tokens));
}

void HttpReply::piece(std::size_t choice, openai::AnswerPiece piece) {
  stream(format_->piece(choice, std::move(piece)));
}

void HttpReply::end(std::size_t choice, const openai::ChoiceEnd& end) { stream(format_->end(choice, end)); }

void HttpReply::finish() {
  if (!streams_) return responder_->respond(200, "application/json", format_->finish(), {});
  stream(format_->finish());
  responder_->end_stream();
}

void HttpReply::fail(const openai::ApiError& error) {
  if (!begun_) return respond_error(*responder_, error);
  responder_->send(openai::error_event(error));
  responder_->abort_stream();
}

}  // namespace troupe
