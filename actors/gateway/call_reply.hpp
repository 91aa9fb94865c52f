// Where a call's answer goes: an HTTP client, or the terminal.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/openai/answer.hpp"

namespace troupe {

/// Used by one call actor, one function at a time. Either `fail` is called once, at any point, or `finish` once at the
/// end, or neither where the other side has left. Let go of as soon as the call has nothing more to say.
class CallReply {
 public:
  virtual ~CallReply() = default;

  /// `gone` is to be called, from any thread, when nobody waits for the answer any more. It must not be called after
  /// the end.
  virtual void on_gone(std::function<void()> gone) = 0;
  /// The call is well-formed and its prompts are tokenized; comes first.
  virtual void accepted(std::shared_ptr<const openai::AnswerContext> context) = 0;
  virtual void prompt_scored(std::size_t choice, std::vector<kernels::Sampled> tokens) = 0;
  virtual void piece(std::size_t choice, openai::AnswerPiece piece) = 0;
  virtual void end(std::size_t choice, const openai::ChoiceEnd& end) = 0;
  virtual void finish() = 0;
  virtual void fail(const openai::ApiError& error) = 0;
};

}  // namespace troupe
