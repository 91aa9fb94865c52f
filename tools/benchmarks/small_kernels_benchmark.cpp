// The cost of the kernels that are neither matmul nor attention, at SmolLM2-135M's shapes, on each instruction set that
// this host has. Bytes per second count what an ideal implementation must read and write once, to be held against the
// host's copy bandwidth.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/embedding/embedding.hpp"
#include "kernels/rms_norm/rms_norm.hpp"
#include "kernels/rope/rope.hpp"
#include "kernels/sampling/sampling.hpp"
#include "kernels/swiglu/swiglu.hpp"
#include "runtime/base/random.hpp"

namespace troupe::kernels {
namespace {

constexpr std::int64_t kHidden = 576;
constexpr std::int64_t kIntermediate = 1536;
constexpr std::int64_t kVocab = 49152;
constexpr std::int64_t kHeads = 9;
constexpr std::int64_t kHeadDim = 64;

std::vector<float> random_floats(std::int64_t count, double scale) {
  RandomStream random(1);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values)
    value = static_cast<float>((random.unit() + random.unit() + random.unit() + random.unit() - 2.0) * scale);
  return values;
}

void count_bytes(benchmark::State& state, std::int64_t bytes) { state.SetBytesProcessed(state.iterations() * bytes); }

void embedding_rows(benchmark::State& state, CpuIsa isa) {
  const std::int64_t rows = state.range(0);
  const std::vector<std::uint16_t> table(static_cast<std::size_t>(kVocab * kHidden), 0x3f80u);
  std::vector<std::int32_t> tokens;
  RandomStream random(2);
  for (std::int64_t row = 0; row < rows; ++row) tokens.push_back(static_cast<std::int32_t>(random.below(kVocab)));
  std::vector<float> out(static_cast<std::size_t>(rows * kHidden));
  for (auto _ : state) {
    embedding(isa, {table.data(), DType::kBf16, kVocab, kHidden}, tokens, out.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state, rows * kHidden * 6);
}

void rms_norm_rows(benchmark::State& state, CpuIsa isa) {
  const std::int64_t rows = state.range(0);
  const auto x = random_floats(rows * kHidden, 1.0), weight = random_floats(kHidden, 1.0);
  std::vector<float> out(x.size());
  for (auto _ : state) {
    rms_norm(isa, {x.data(), weight.data(), out.data(), rows, kHidden, kHidden, 1e-5f});
    benchmark::ClobberMemory();
  }
  count_bytes(state, rows * kHidden * 8);
}

void rope_rows(benchmark::State& state, CpuIsa isa) {
  const std::int64_t rows = state.range(0);
  auto x = random_floats(rows * kHidden, 1.0);
  // Angle 0: turning the same numbers again and again must not drive them to infinity or to subnormals.
  const std::vector<float> cos(static_cast<std::size_t>(rows * kHeadDim / 2), 1.0f), sin(cos.size(), 0.0f);
  for (auto _ : state) {
    rope(isa, {x.data(), rows, kHidden, kHeads, kHeadDim, kHeadDim / 2, cos.data(), sin.data()});
    benchmark::ClobberMemory();
  }
  count_bytes(state, rows * kHidden * 8);
}

void rope_angle_rows(benchmark::State& state) {
  std::vector<std::int32_t> positions;
  for (std::int64_t row = 0; row < state.range(0); ++row) positions.push_back(static_cast<std::int32_t>(row));
  std::vector<float> frequencies;
  for (int i = 0; i < kHeadDim / 2; ++i) frequencies.push_back(std::pow(10000.0f, -static_cast<float>(i) / 32.0f));
  std::vector<float> cos(positions.size() * frequencies.size()), sin(cos.size());
  for (auto _ : state) {
    rope_angles(positions, frequencies, 1.0f, cos.data(), sin.data());
    benchmark::ClobberMemory();
  }
}

void swiglu_rows(benchmark::State& state, CpuIsa isa) {
  const std::int64_t rows = state.range(0);
  const auto gate_up = random_floats(rows * 2 * kIntermediate, 2.0);
  std::vector<float> out(static_cast<std::size_t>(rows * kIntermediate));
  for (auto _ : state) {
    swiglu(isa, gate_up.data(), out.data(), rows, kIntermediate);
    benchmark::ClobberMemory();
  }
  count_bytes(state, rows * kIntermediate * 12);
}

struct Way {
  const char* name;
  SamplingParams params;
  bool history = false;
};

std::vector<Way> ways() {
  std::vector<Way> all(7);
  all[0] = {"greedy", {}, false};
  all[0].params.temperature = 0;
  all[1] = {"plain", {}, false};
  all[2] = {"top_k_50", {}, false};
  all[2].params.top_k = 50;
  all[3] = {"top_p_0.95", {}, false};
  all[3].params.top_p = 0.95f;
  all[4] = {"hot_top_p_0.95", {}, false};
  all[4].params.top_p = 0.95f;
  all[4].params.temperature = 5.0f;
  all[5] = {"penalties_2048", {}, true};
  all[5].params.repetition_penalty = 1.1f;
  all[6] = {"greedy_logprobs_20", {}, false};
  all[6].params.temperature = 0;
  all[6].params.logprobs = 20;
  return all;
}

void sample_row(benchmark::State& state, CpuIsa isa, const Way& way) {
  auto logits = random_floats(kVocab, 2.5);
  for (std::size_t i = 0; i < 40; ++i)
    logits[i * 1200] += 20.0f - 0.2f * static_cast<float>(i);  // a model prefers a few
  std::vector<std::int32_t> history;
  RandomStream random(3);
  for (int i = 0; way.history && i < 2048; ++i) history.push_back(static_cast<std::int32_t>(random.below(kVocab)));
  SampleScratch scratch;
  SampleRow row;
  row.logits = logits.data();
  row.vocab = kVocab;
  row.params = &way.params;
  row.prompt = history;
  row.uniform = 0.7f;
  for (auto _ : state) benchmark::DoNotOptimize(sample(isa, row, scratch).token);
  count_bytes(state, kVocab * 4);
}

void add_benchmarks() {
  benchmark::RegisterBenchmark("rope_angles", rope_angle_rows)->Arg(1)->Arg(256);
  for (const CpuIsa isa : {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512}) {
    if (!supports(isa)) continue;
    const auto add = [isa](const char* name, void (*run)(benchmark::State&, CpuIsa)) {
      const std::string full = std::string(name) + "/" + to_string(isa);
      benchmark::RegisterBenchmark(full.c_str(), [run, isa](benchmark::State& state) { run(state, isa); })
          ->Arg(1)
          ->Arg(256);
    };
    add("embedding", embedding_rows);
    add("rms_norm", rms_norm_rows);
    add("rope", rope_rows);
    add("swiglu", swiglu_rows);
    for (const Way& way : ways()) {
      const std::string full = std::string("sample/") + way.name + "/" + to_string(isa);
      benchmark::RegisterBenchmark(full.c_str(), [way, isa](benchmark::State& state) { sample_row(state, isa, way); });
    }
  }
}

}  // namespace
}  // namespace troupe::kernels

int main(int argc, char** argv) {
  troupe::kernels::add_benchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
