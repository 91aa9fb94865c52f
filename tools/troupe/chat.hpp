// A conversation as the body of a chat completion call: what was said so far, bounded, and the sampling that the user
// asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace troupe {

struct ChatSampling {
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<std::int64_t> seed;
  std::optional<std::int64_t> max_tokens;
};

class Chat {
 public:
  explicit Chat(ChatSampling sampling) : sampling_(sampling) {}

  /// What goes before everything else; empty: nothing. kInvalidInput where it is not UTF-8.
  Result<void> set_system(const std::string& text);
  /// The body of the call that asks `question` after all that was said. kInvalidInput where it is not UTF-8.
  Result<std::string> ask(const std::string& question) const;
  /// The body of a completion call: `prompt` as it is, without a template.
  Result<std::string> complete(const std::string& prompt) const;
  /// Keeps a turn. An answer that was stopped is kept as far as it came.
  void remember(std::string question, std::string answer);
  /// Forgets all turns; the system text stays.
  void clear() { turns_.clear(); }
  std::size_t turns() const { return turns_.size(); }

 private:
  struct Turn {
    std::string question;
    std::string answer;
  };
  ChatSampling sampling_;
  std::string system_;
  std::vector<Turn> turns_;
};

}  // namespace troupe
