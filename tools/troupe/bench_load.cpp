// Boost 1.74's asio leaves it out with C++20 coroutines.
#include <utility>

#include "tools/troupe/bench_load.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "runtime/clock/wall_clock.hpp"
#include "runtime/http/event_stream.hpp"
#include "tools/troupe/bench_stream.hpp"

namespace troupe {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::size_t kErrorBodyBytes = 64 * 1024;
constexpr std::chrono::milliseconds kProgressEvery{200};

double seconds_between(Time from, Time to) { return std::chrono::duration<double>(to - from).count(); }

/// One request on its way.
struct Flight {
  std::size_t index = 0;
  Time sent;
  Time last_piece;
  std::uint64_t pieces = 0;
  int status = 0;
  bool done = false;
  std::string error_body;
  http::EventReader reader;
  std::optional<std::uint64_t> prompt_tokens, completion_tokens;
  BenchSample sample;
  http::Client::Cancel cancel;
};

class Loader {
 public:
  Loader(const LoadPlan& plan, boost::asio::io_context& io, http::Client& client)
      : plan_(plan),
        client_(client),
        arrivals_(io),
        ticks_(io),
        signals_(io),
        samples_(plan.requests.size()),
        flights_(plan.requests.size()) {}

  void start() {
    began_ = clock::steady_now();
    if (plan_.stop_on_interrupt) {
      signals_.add(SIGINT);
      signals_.async_wait([this](const boost::system::error_code& failed, int) {
        if (!failed) interrupt();
      });
    }
    if (plan_.progress) tick();
    arrive();
    end_if_all_done();
  }

  LoadResult result() {
    LoadResult out;
    out.duration = seconds_between(began_, ended_);
    out.interrupted = interrupted_;
    for (std::size_t i = 0; i < samples_.size(); ++i)
      if (samples_[i]) out.samples.push_back(std::move(*samples_[i]));
    return out;
  }

 private:
  /// Takes up every request whose time has come, and waits for the next.
  void arrive() {
    const double now = seconds_between(began_, clock::steady_now());
    while (!interrupted_ && arrived_ < plan_.requests.size() && plan_.requests[arrived_].at <= now)
      waiting_.push_back(arrived_++);
    send_waiting();
    if (interrupted_ || arrived_ == plan_.requests.size()) return;
    const auto due = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(plan_.requests[arrived_].at));
    arrivals_.expires_at(began_ + due);
    arrivals_.async_wait([this](const boost::system::error_code& failed) {
      if (!failed) arrive();
    });
  }

  void send_waiting() {
    while (!waiting_.empty() && (!plan_.max_concurrency || running_ < *plan_.max_concurrency)) {
      const auto index = waiting_.front();
      waiting_.pop_front();
      send(index);
    }
  }

  void send(std::size_t index) {
    auto flight = std::make_shared<Flight>();
    flight->index = index;
    auto request = plan_.call;
    request.method = "POST";
    request.body = request_body(plan_.shape, plan_.requests[index], index);
    http::ClientEvents events;
    events.on_head = [flight](const http::ResponseHead& head) { flight->status = head.status; };
    events.on_body = [this, flight](std::string_view bytes) { on_body(*flight, bytes); };
    events.on_done = [this, flight](Result<void> outcome) { on_done(*flight, outcome); };
    ++running_;
    flights_[index] = flight;
    // The body is made before the clock starts: it is not the server's time.
    flight->sent = clock::steady_now();
    flight->cancel = client_.start(std::move(request), std::move(events));
  }

  void on_body(Flight& flight, std::string_view bytes) {
    if (flight.status != 200) {
      flight.error_body += bytes.substr(0, kErrorBodyBytes - std::min(kErrorBodyBytes, flight.error_body.size()));
      return;
    }
    const auto now = clock::steady_now();
    const bool fits = flight.reader.feed(bytes, [&](std::string_view data) { on_event(flight, data, now); });
    if (!fits && flight.sample.error.empty()) flight.sample.error = "an event of the stream is longer than 1 MiB";
  }

  void on_event(Flight& flight, std::string_view data, Time now) {
    const auto news = read_stream_event(data);
    if (!news.error.empty() && flight.sample.error.empty()) flight.sample.error = news.error;
    if (news.prompt_tokens) flight.prompt_tokens = news.prompt_tokens;
    if (news.completion_tokens) flight.completion_tokens = news.completion_tokens;
    flight.done = flight.done || news.done;
    if (!news.has_tokens) return;
    if (flight.pieces++ == 0)
      flight.sample.ttft = seconds_between(flight.sent, now);
    else
      flight.sample.gaps.push_back(seconds_between(flight.last_piece, now));
    flight.last_piece = now;
    ++pieces_;
  }

  void on_done(Flight& flight, const Result<void>& outcome) {
    const auto keep_alive = std::exchange(flights_[flight.index], nullptr);
    auto& sample = flight.sample;
    const auto now = clock::steady_now();
    sample.start = seconds_between(began_, flight.sent);
    sample.latency = seconds_between(flight.sent, flight.pieces > 0 ? flight.last_piece : now);
    sample.input_tokens = flight.prompt_tokens.value_or(plan_.requests[flight.index].input_tokens);
    sample.output_tokens = flight.completion_tokens.value_or(flight.pieces);
    if (!outcome.ok())
      sample.error = interrupted_ ? "interrupted" : outcome.error().message;
    else if (flight.status != 200)
      sample.error = refusal_message(flight.status, flight.error_body);
    else if (sample.error.empty() && !flight.done)
      sample.error = "the stream ended without [DONE]";
    sample.ok = sample.error.empty();
    failed_ += !sample.ok;
    ++finished_;
    --running_;
    ended_ = now;
    samples_[flight.index] = std::move(sample);
    send_waiting();
    end_if_all_done();
  }

  void interrupt() {
    interrupted_ = true;
    waiting_.clear();
    arrivals_.cancel();
    for (std::size_t i = 0; i < flights_.size(); ++i)
      if (const auto flight = flights_[i]) flight->cancel();
    end_if_all_done();
  }

  void end_if_all_done() {
    if (running_ > 0 || !waiting_.empty() || (arrived_ < plan_.requests.size() && !interrupted_)) return;
    if (finished_ == 0) ended_ = clock::steady_now();
    ticks_.cancel();
    boost::system::error_code ignored;
    signals_.cancel(ignored);
    if (plan_.progress) plan_.progress(progress());
    over_ = true;
  }

  void tick() {
    plan_.progress(progress());
    ticks_.expires_after(kProgressEvery);
    ticks_.async_wait([this](const boost::system::error_code& failed) {
      if (!failed && !over_) tick();
    });
  }

  LoadProgress progress() const {
    return {plan_.requests.size(), finished_, failed_, running_, pieces_, seconds_between(began_, clock::steady_now())};
  }

  const LoadPlan& plan_;
  http::Client& client_;
  boost::asio::steady_timer arrivals_, ticks_;
  boost::asio::signal_set signals_;
  std::vector<std::optional<BenchSample>> samples_;
  std::vector<std::shared_ptr<Flight>> flights_;
  std::deque<std::size_t> waiting_;
  Time began_, ended_;
  std::size_t arrived_ = 0, running_ = 0, finished_ = 0, failed_ = 0;
  std::uint64_t pieces_ = 0;
  bool interrupted_ = false, over_ = false;
};

}  // namespace

Result<LoadResult> run_load(const LoadPlan& plan) {
  boost::asio::io_context io{1};
  TRY(client, http::Client::make(io, plan.client));
  Loader loader(plan, io, client);
  loader.start();
  io.run();
  return loader.result();
}

}  // namespace troupe
