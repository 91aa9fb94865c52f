#include "tools/troupe/step_profiler.hpp"

#include <algorithm>
#include <cstring>
#include <future>
#include <memory>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/random.hpp"
#include "runtime/clock/wall_clock.hpp"

namespace troupe {
namespace {

constexpr auto kPositions = static_cast<std::int32_t>(kernels::kBlockPositions);
/// Each point is measured in so many parts, with all other points between them: a host whose speed changes with what
/// else runs on it must not make one kind of step look slow and another fast.
constexpr int kRounds = 3;
constexpr int kMostRunsInARound = 70;
/// A run of so long needs no other one to warm up.
constexpr double kLongRun = 0.2;
constexpr std::size_t kJitters = 50;

std::int64_t blocks_for(std::int64_t positions) { return (positions + kPositions - 1) / kPositions; }

/// Blocks that a step of this shape holds: one sequence for the prompt, one for each decode.
std::int64_t blocks_of(const perf::StepShape& shape) {
  const std::int64_t decode = shape.decodes == 0 ? 0 : blocks_for(shape.decode_context / shape.decodes);
  return blocks_for(shape.prompt_context + shape.prompt_tokens) + shape.decodes * decode;
}

class StepTimer final : public device::StepObserver {
 public:
  void group_written(StepId, std::int32_t) override {}
  void finished(device::StepResult result) override { finished_.set_value(std::move(result)); }
  void finished_after(std::chrono::nanoseconds, device::StepResult result) override { finished(std::move(result)); }
  device::StepResult wait() { return finished_.get_future().get(); }

 private:
  std::promise<device::StepResult> finished_;
};

class StepMaker {
 public:
  explicit StepMaker(const device::DeviceInfo& info) : info_(info) {
    auto spec = std::make_shared<device::SamplingSpec>();
    spec->params.temperature = 0;
    sampling_ = std::move(spec);
  }

  std::shared_ptr<const device::Step> make(const perf::StepShape& shape) {
    next_block_ = 0;
    auto step = std::make_shared<device::Step>();
    step->id = StepId{++last_step_};
    if (shape.prompt_tokens > 0) step->sequences.push_back(sequence(shape.prompt_context, shape.prompt_tokens, 0));
    for (std::int64_t i = 0; i < shape.decodes; ++i)
      step->sequences.push_back(sequence(shape.decode_context / shape.decodes - 1, 1, 1));
    return step;
  }

 private:
  device::StepSequence sequence(std::int64_t before, std::int64_t tokens, std::int32_t generated) {
    device::StepSequence out;
    out.request = RequestId{next_block_ + 1};
    out.first_position = static_cast<std::int32_t>(before);
    for (std::int64_t i = 0; i < tokens; ++i)
      out.tokens.push_back(static_cast<TokenId>(mix64(static_cast<std::uint64_t>(i + next_block_)) %
                                                static_cast<std::uint64_t>(info_.vocab_size)));
    for (std::int64_t i = 0; i < blocks_for(before + tokens); ++i)
      out.blocks.push_back(BlockId{static_cast<std::uint32_t>(next_block_++)});
    out.sampling = sampling_;
    out.sample = true;
    out.generated = generated;
    return out;
  }

  const device::DeviceInfo& info_;
  std::shared_ptr<const device::SamplingSpec> sampling_;
  std::uint64_t last_step_ = 0;
  std::uint64_t next_block_ = 0;
};

double seconds_of(device::Device& device, std::shared_ptr<const device::Step> step) {
  const auto timer = std::make_shared<StepTimer>();
  const auto start = clock::steady_now();
  device.start(std::move(step), timer);
  const auto result = timer->wait();
  CHECK(!result.fault, result.fault->message);
  return std::chrono::duration<double>(clock::steady_now() - start).count();
}

/// Adds one round's runs of a step, in seconds, at least one and for `enough` seconds.
void time_runs(device::Device& device, StepMaker& maker, const perf::StepShape& shape, double enough,
               std::vector<double>& runs) {
  const std::size_t before = runs.size();
  double sum = 0;
  if (const double first = seconds_of(device, maker.make(shape)); first >= kLongRun) {
    runs.push_back(first);
    sum = first;
  }
  for (int more = 0; more < kMostRunsInARound && (runs.size() == before || sum < enough); ++more) {
    runs.push_back(seconds_of(device, maker.make(shape)));
    sum += runs.back();
  }
}

/// The middles of kJitters equal parts.
std::vector<double> quantiles(std::vector<double> values) {
  std::vector<double> out;
  std::sort(values.begin(), values.end());
  for (std::size_t i = 0; i < kJitters && !values.empty(); ++i)
    out.push_back(values[(2 * i + 1) * values.size() / (2 * kJitters)]);
  return out;
}

/// Small numbers in all of the slab's formats: bytes with a zero in each number's exponent.
void write_slab(device::Device& device, std::int64_t blocks) {
  const auto& kv = device.info().kv;
  const auto slab = device.kv_slab();
  CHECK(!slab.empty(), "a device whose memory cannot be written");
  for (std::int64_t layer = 0; layer < kv.layers; ++layer)
    std::memset(slab.data() + kv.offset(layer, 0), 0x11, static_cast<std::size_t>(blocks) * kv.layer_block_bytes());
}

}  // namespace

std::vector<perf::StepShape> steps_to_profile(const device::DeviceInfo& info, const StepProfileOptions& options) {
  std::vector<perf::StepShape> all;
  for (const std::int64_t tokens : {1, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048}) all.push_back({tokens, 0, 0, 0});
  for (const std::int64_t tokens : {64, 256})
    for (const std::int64_t context : {256, 1024}) all.push_back({tokens, context, 0, 0});
  for (const std::int64_t batch : {1, 2, 4, 8, 16, 32, 64})
    for (const std::int64_t context : {32, 256, 1024}) all.push_back({0, 0, batch, batch * context});
  for (const std::int64_t tokens : {16, 128, 512})
    for (const std::int64_t batch : {2, 8, 32}) all.push_back({tokens, 0, batch, batch * 256});
  std::erase_if(all, [&](const perf::StepShape& shape) {
    const std::int64_t longest = std::max(shape.prompt_tokens + shape.prompt_context,
                                          shape.decodes == 0 ? 0 : shape.decode_context / shape.decodes);
    return shape.prompt_tokens > options.longest_prompt || shape.decodes > options.most_decodes ||
           longest > std::min(options.longest_context, info.max_positions) || blocks_of(shape) > info.kv.blocks;
  });
  return all;
}

StepProfile profile_steps(device::Device& device, const StepProfileOptions& options,
                          const std::function<bool(double)>& show) {
  const auto shapes = steps_to_profile(device.info(), options);
  std::int64_t blocks = 0;
  for (const auto& shape : shapes) blocks = std::max(blocks, blocks_of(shape));
  write_slab(device, blocks);
  StepMaker maker(device.info());
  std::vector<std::vector<double>> runs(shapes.size());
  double done = 0;
  for (int round = 0; round < kRounds; ++round)
    for (std::size_t i = 0; i < shapes.size(); ++i, ++done) {
      if (!show(done / static_cast<double>(kRounds * shapes.size()))) return {};
      time_runs(device, maker, shapes[i], options.seconds_a_point / kRounds, runs[i]);
    }
  StepProfile out;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    std::sort(runs[i].begin(), runs[i].end());
    const double median = runs[i][runs[i].size() / 2];
    out.points.push_back({shapes[i], median});
    for (const double seconds : runs[i]) ratios.push_back(seconds / median);
  }
  out.jitter = quantiles(std::move(ratios));
  show(1);
  return out;
}

}  // namespace troupe
