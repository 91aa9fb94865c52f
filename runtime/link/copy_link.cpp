#include "runtime/link/copy_link.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/clock/wall_clock.hpp"
#include "runtime/link/local_link.hpp"

namespace troupe::link {
namespace {

/// Runs functions one after the other on a thread of its own. Destroying it runs those that are left.
class Worker {
 public:
  Worker() : thread_([this] { run(); }) {}
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void post(std::function<void()> what) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(what));
    }
    wake_.notify_one();
  }
  /// Runs it there and waits for what comes of it.
  template <class F>
  auto ask(F what) {
    std::packaged_task<decltype(what())()> task(std::move(what));
    auto answer = task.get_future();
    post([&task] { task(); });
    return answer.get();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto what = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      what();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses the others
};

class CopyLink final : public Link {
 public:
  CopyLink() {
    LocalOptions options;
    // Nothing here takes modelled time: what comes later comes next.
    options.later = [this](std::chrono::nanoseconds, std::function<void()> what) { worker_.post(std::move(what)); };
    options.now = [] { return std::chrono::nanoseconds(clock::steady_now().time_since_epoch()); };
    options.checksums = false;
    link_ = LocalNetwork::make(std::move(options))->add_node();
  }
  ~CopyLink() override {
    worker_.ask([this] { link_.reset(); });
  }

  SlabId add_slab(std::span<std::byte> memory, const kernels::KvLayout& layout) override {
    return worker_.ask([&] { return link_->add_slab(memory, layout); });
  }
  std::string address() const override { return link_->address(); }
  Result<PeerId> add_peer(std::string_view address) override {
    return worker_.ask([&] { return link_->add_peer(address); });
  }
  void on_broken(std::function<void(PeerId, const Error&)>) override {}  // nothing breaks here
  Path path(PeerId) const override { return {"in this process", ""}; }
  void drop_peer(PeerId peer, std::function<void()> done) override {
    worker_.post([this, peer, done = std::move(done)] { link_->drop_peer(peer, done); });
  }
  void open_landing(Landing landing, std::function<void(Result<Arrival>)> arrived) override {
    worker_.post(
        [this, landing = std::move(landing), arrived = std::move(arrived)] { link_->open_landing(landing, arrived); });
  }
  void close_landing(Ticket ticket) override {
    worker_.post([this, ticket] { link_->close_landing(ticket); });
  }
  void push(PeerId peer, Push push, std::function<void(Result<Pushed>)> pushed) override {
    worker_.post([this, peer, push = std::move(push), pushed = std::move(pushed)] {
      link_->push(peer, push, pushed);
      count();
    });
  }
  void probe(PeerId, std::function<void(Result<Probe>)> probed) override {
    const auto asked = clock::steady_now();
    worker_.post([asked, probed = std::move(probed)] { probed(measure(asked)); });
  }
  Counters counters() const override {
    const std::lock_guard lock(counters_mutex_);
    return counters_;
  }

 private:
  /// What a transfer meets: a wake-up of this thread each way, and each byte copied twice (packed, then landed).
  static Probe measure(std::chrono::steady_clock::time_point asked) {
    const auto began = clock::steady_now();
    std::vector<std::byte> from(kProbeBytes), packed(kProbeBytes), into(kProbeBytes);
    const auto copying = clock::steady_now();
    std::memcpy(packed.data(), from.data(), kProbeBytes);
    std::memcpy(into.data(), packed.data(), kProbeBytes);
    const auto copied = std::chrono::duration<double>(clock::steady_now() - copying).count();
    return {2 * (began - asked), static_cast<double>(kProbeBytes) / std::max(copied, 1e-9), kProbeBytes};
  }

  /// After each push, on the thread: what the local link has counted.
  void count() {
    worker_.post([this] {
      if (!link_) return;
      const auto counted = link_->counters();
      const std::lock_guard lock(counters_mutex_);
      counters_ = counted;
    });
  }

  mutable std::mutex counters_mutex_;
  Counters counters_;
  std::unique_ptr<Link> link_;  // the worker's thread uses it; the address alone never changes
  Worker worker_;
};

}  // namespace

std::unique_ptr<Link> start_copy_link() { return std::make_unique<CopyLink>(); }

}  // namespace troupe::link
