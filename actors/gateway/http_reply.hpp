// A call's answer over HTTP: as events while it comes, or whole at its end.
// Promises: an error before the first event is an HTTP status; after it, an error event and a cut connection, never a
// clean end.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "actors/gateway/call_reply.hpp"
#include "runtime/http/exchange.hpp"

namespace troupe {

/// The answering side of an http::Exchange: its functions, and their meaning.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void respond(int status, std::string_view content_type, std::string body,
                       std::vector<http::Header> headers) = 0;
  virtual void begin_stream(std::vector<http::Header> headers) = 0;
  virtual void send(std::string events) = 0;
  virtual void end_stream() = 0;
  virtual void abort_stream() = 0;
  virtual void on_disconnect(std::function<void()> gone) = 0;
};

std::unique_ptr<Responder> respond_to(std::shared_ptr<http::Exchange> exchange);

/// Answers with an error body, and Retry-After where the error says so.
void respond_error(Responder& responder, const openai::ApiError& error);

class HttpReply final : public CallReply {
 public:
  explicit HttpReply(std::unique_ptr<Responder> responder) : responder_(std::move(responder)) {}

  void on_gone(std::function<void()> gone) override;
  void accepted(std::shared_ptr<const openai::AnswerContext> context) override;
  void prompt_scored(std::size_t choice, std::vector<kernels::Sampled> tokens) override;
  void piece(std::size_t choice, openai::AnswerPiece piece) override;
  void end(std::size_t choice, const openai::ChoiceEnd& end) override;
  void finish() override;
  void fail(const openai::ApiError& error) override;

 private:
  /// Events go out; the first of them opens the stream.
  void stream(std::string events);

  std::unique_ptr<Responder> responder_;
  std::unique_ptr<openai::AnswerFormat> format_;
  bool streams_ = false;
  bool begun_ = false;
};

}  // namespace troupe
