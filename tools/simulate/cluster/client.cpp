#include "tools/simulate/cluster/client.hpp"

#include <utility>

#include "runtime/base/random.hpp"
#include "tools/simulate/cluster/front.hpp"

namespace troupe::simulate {

using simulation::RequestStatus;

ClientActor::behavior_type Client::make_behavior() {
  requester_ = ClientActor{this};
  if (options_.spend) requester_ = spawn<Front, caf::linked>(requester_, options_.spend, options_.token_work);
  began_ = now();
  answers_.resize(options_.load->size());
  auto sampling = std::make_shared<device::SamplingSpec>();
  sampling->seed = options_.seed;
  sampling->stop_tokens = {end_of_text(options_.vocab_size)};
  sampling_ = std::move(sampling);
  delayed_send(ClientActor{this}, options_.load->front().at, ArrivalDue{});
  return {[this](TokensGenerated& news) { on(news); }, [](PromptScored&) {}, [this](RequestEnded& ended) { on(ended); },
          [this](const ArrivalDue& due) { on(due); }, [this](const StartDue& due) { start(due.place); }};
}

void Client::on(const ArrivalDue&) {
  const Place place = next_++;
  const auto overhead = options_.overhead + (*options_.load)[place].prompt_tokens * options_.prompt_token_overhead;
  if (overhead.count() > 0)
    delayed_send(ClientActor{this}, overhead, StartDue{place});
  else
    start(place);
  if (next_ == options_.load->size()) return;
  delayed_send(ClientActor{this}, (*options_.load)[next_].at - (now() - began_), ArrivalDue{});
}

void Client::start(Place place) {
  const auto& arrival = (*options_.load)[place];
  auto spec = std::make_shared<RequestSpec>();
  spec->id = id_of(place);
  auto& answer = answers_[place];
  answer.under_way = true;
  RandomStream words(mix64(options_.seed) ^ place);
  spec->prompt.reserve(static_cast<std::size_t>(arrival.prompt_tokens));
  for (std::int32_t i = 0; i < arrival.prompt_tokens; ++i) {
    spec->prompt.push_back(static_cast<TokenId>(words.below(static_cast<std::uint64_t>(options_.vocab_size) - 1)));
    answer.expected.add(spec->prompt.back());
  }
  spec->max_tokens = options_.told_max_tokens > 0 ? options_.told_max_tokens : arrival.output_tokens;
  spec->ignore_eos = options_.told_max_tokens == 0;
  spec->include_stop = true;
  spec->sampling = sampling_;
  if (options_.request_timeout.count() > 0) spec->deadline = now() + options_.request_timeout;
  spawn<Request>(std::move(spec), requester_, options_.peers);
}

void Client::on(const TokensGenerated& news) {
  const Place place = place_of(news.request);
  auto& answer = answers_.at(place);
  if (!answer.under_way) return;
  if (news.first_index == 0 && news.prompt_times)
    options_.ledger->first_token(place, seconds(news.prompt_times->began), seconds(now()));
  answer.wrong = answer.wrong || news.first_index != answer.tokens;
  const auto length = (*options_.load)[place].output_tokens;
  for (const auto& generated : news.tokens) {
    if (++answer.tokens > 1) options_.ledger->next_token(place, seconds(now()));
    const bool ends = options_.told_max_tokens > 0 && answer.tokens == length;
    const TokenId expected = ends ? end_of_text(options_.vocab_size)
                                  : answer.expected.next(*sampling_, options_.vocab_size, answer.tokens - 1);
    answer.wrong = answer.wrong || generated.token != expected;
    answer.expected.add(generated.token);
    if (answer.tokens == length) options_.ledger->last_token(place, seconds(now()));
  }
}

void Client::on(const RequestEnded& ended) {
  const Place place = place_of(ended.request);
  auto& answer = answers_.at(place);
  if (!std::exchange(answer.under_way, false)) return;
  const auto length = (*options_.load)[place].output_tokens;
  auto status = RequestStatus::kFinished;
  if (ended.error) {
    const auto code = ended.error->code;
    const bool refused =
        ended.generated_tokens == 0 && (code == ErrorCode::kOverloaded || code == ErrorCode::kTooLarge);
    status = refused ? RequestStatus::kRefused : RequestStatus::kFailed;
  } else if (answer.wrong || answer.tokens != length) {
    options_.ledger->wrong_text(ended.request);
    status = RequestStatus::kFailed;
  }
  options_.ledger->ended(place, status);
}

}  // namespace troupe::simulate
