// What `troupe profile` measures: the steps, on a device that counts them.
#include "tools/troupe/step_profiler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "runtime/device/cpu_device.hpp"
#include "runtime/perf/recorded.hpp"

namespace troupe {
namespace {

/// Answers at once, and remembers what it was asked.
class CountingDevice final : public device::Device {
 public:
  explicit CountingDevice(std::int64_t blocks) {
    info_.kv = {.layers = 2, .kv_heads = 1, .head_dim = 4, .blocks = blocks, .dtype = kernels::DType::kF32};
    info_.vocab_size = 100;
    info_.max_positions = 4096;
    slab_.resize(info_.kv.slab_bytes());
  }
  const device::DeviceInfo& info() const override { return info_; }
  std::span<std::byte> kv_slab() override { return slab_; }
  void start(std::shared_ptr<const device::Step> step, std::shared_ptr<device::StepObserver> observer) override {
    device::check_step(*step, info_);
    std::set<BlockId> blocks;
    std::size_t named = 0;
    for (const auto& sequence : step->sequences) {
      blocks.insert(sequence.blocks.begin(), sequence.blocks.end());
      named += sequence.blocks.size();
      // What is attended to was written before.
      for (const BlockId block : sequence.blocks)
        EXPECT_NE(slab_[info_.kv.offset(1, block.value)], std::byte{0}) << block;
    }
    EXPECT_EQ(blocks.size(), named) << "two sequences share a block";
    ++steps;
    device::StepResult result;
    result.id = step->id;
    result.sequences.resize(step->sequences.size());
    observer->finished(std::move(result));
  }
  int steps = 0;

 private:
  device::DeviceInfo info_;
  std::vector<std::byte> slab_;
};

TEST(StepProfiler, MeasuresEachStepSeveralTimesAndFitsAModel) {
  CountingDevice device(2048);
  const StepProfileOptions options{.seconds_a_point = 0};
  std::vector<double> shown;
  const auto [points, jitter] = profile_steps(device, options, [&](double done) {
    shown.push_back(done);
    return true;
  });
  EXPECT_TRUE(std::is_sorted(jitter.begin(), jitter.end()));
  EXPECT_LE(jitter.front(), 1);
  EXPECT_GE(jitter.back(), 1);
  EXPECT_EQ(points.size(), steps_to_profile(device.info(), options).size());
  EXPECT_EQ(device.steps, static_cast<int>(points.size()) * 6);  // at three moments one to warm up and one measured
  EXPECT_TRUE(std::is_sorted(shown.begin(), shown.end()));
  EXPECT_EQ(shown.back(), 1);
  EXPECT_TRUE(perf::RecordedModel::fit(points).ok());
}

TEST(StepProfiler, LeavesOutWhatTheDeviceHasNoRoomFor) {
  CountingDevice device(40);
  for (const auto& shape : steps_to_profile(device.info(), {})) {
    EXPECT_LE(shape.prompt_tokens + shape.prompt_context, 40 * 16);
    EXPECT_LE(shape.decode_context, 40 * 16);
  }
  profile_steps(device, {.seconds_a_point = 0}, [](double) { return true; });
}

TEST(StepProfiler, StopsWhenItIsTold) {
  CountingDevice device(2048);
  const auto points = profile_steps(device, {.seconds_a_point = 0}, [](double done) { return done < 0.1; }).points;
  EXPECT_TRUE(points.empty());
  EXPECT_LT(device.steps, static_cast<int>(steps_to_profile(device.info(), {}).size()));
}

}  // namespace
}  // namespace troupe
