// Matmul and attention beside what this machine can do at best, measured in the same run: the rate at which memory is
// read, and the rate of float32 multiply-adds. Times are the best of several, since other processes share the machine.
//   matmul_attention_benchmark [--peaks] [threads] [reference|avx2|avx512]
// --peaks stops after those two rates and prints them as JSON, for a script that divides by them.
#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "kernels/attention/attention.hpp"
#include "kernels/matmul/matmul.hpp"
#include "runtime/exec/thread_team.hpp"

namespace troupe::kernels {
namespace {

constexpr int kRepetitions = 7;
constexpr std::size_t kPastCaches = std::size_t{256} << 20;  // bytes read before any is read again

template <class Body>
double best_seconds(const Body& body) {
  double best = 1e30;
  for (int i = 0; i < kRepetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

struct Machine {
  CpuIsa isa;
  exec::ThreadTeam& team;
  double bytes_per_second = 0;
  double flops = 0;
};

/// Sums lines of eight words, asking for those 2 KiB ahead: the way that reads fastest.
std::uint64_t sum_of(const std::uint64_t* from, std::size_t lines) {
  std::uint64_t sums[8] = {};
  for (std::size_t line = 0; line < lines; ++line, from += 8) {
    __builtin_prefetch(from + 256);
    for (int i = 0; i < 8; ++i) sums[i] += from[i];
  }
  return std::accumulate(sums, sums + 8, std::uint64_t{0});
}

double read_rate(Parallel& team) {
  const std::vector<std::uint64_t> memory(kPastCaches / sizeof(std::uint64_t), 1);
  const std::size_t parts = team.width() * 8;
  const std::size_t lines = memory.size() / 8 / parts;
  std::vector<std::uint64_t> sums(parts);
  const double seconds = best_seconds([&] {
    team.run(parts, [&](std::size_t part) { sums[part] = sum_of(memory.data() + part * lines * 8, lines); });
  });
  if (std::accumulate(sums.begin(), sums.end(), std::uint64_t{0}) != parts * lines * 8) std::abort();
  return static_cast<double>(parts * lines * 64) / seconds;
}

constexpr int kChains = 12;
constexpr int kLinks = 1 << 16;

__attribute__((target("avx512f"))) float multiply_add_avx512() {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1.0f);
  const __m512 factor = _mm512_set1_ps(0.5f);
  for (int i = 0; i < kLinks; ++i)
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) sums[c] = _mm512_fmadd_ps(sums[c], factor, factor);
  float total = 0;
  for (const __m512& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx2,fma"))) float multiply_add_avx2() {
  __m256 sums[kChains];
  for (__m256& sum : sums) sum = _mm256_set1_ps(1.0f);
  const __m256 factor = _mm256_set1_ps(0.5f);
  for (int i = 0; i < kLinks; ++i)
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) sums[c] = _mm256_fmadd_ps(sums[c], factor, factor);
  float total = 0;
  for (const __m256& sum : sums) total += _mm256_cvtss_f32(sum);
  return total;
}

/// Of `isa`; of the host's best where `isa` is the reference, which shows how far behind it is.
double multiply_add_rate(CpuIsa isa, Parallel& team) {
  if (isa == CpuIsa::kReference) isa = best_cpu_isa();
  if (isa == CpuIsa::kReference) return 0;
  const std::size_t parts = team.width() * 8;
  std::vector<float> results(parts);
  const double seconds = best_seconds([&] {
    team.run(parts, [&](std::size_t part) {
      results[part] = isa == CpuIsa::kAvx512 ? multiply_add_avx512() : multiply_add_avx2();
    });
  });
  if (results[0] != static_cast<float>(kChains)) std::abort();
  const double lanes = isa == CpuIsa::kAvx512 ? 16 : 8;
  return 2.0 * lanes * kChains * kLinks * static_cast<double>(parts) / seconds;
}

void report(const Machine& machine, const char* what, double bytes, double operations, double seconds) {
  std::printf("%-44s %9.1f us  %6.2f GB/s %4.0f%%  %7.1f GFLOP/s %4.0f%%\n", what, seconds * 1e6,
              bytes / seconds * 1e-9, 100 * bytes / seconds / machine.bytes_per_second, operations / seconds * 1e-9,
              100 * operations / seconds / machine.flops);
}

void time_matmul(const Machine& machine, DType dtype, std::int64_t outputs, std::int64_t inputs, std::int64_t rows) {
  const std::size_t matrix_bytes = static_cast<std::size_t>(outputs * inputs) * bytes_of(dtype);
  // Many rows are bound by arithmetic: one matrix will do.
  const std::size_t count = rows > 32 ? 1 : std::max<std::size_t>(1, kPastCaches / matrix_bytes);
  const std::vector<std::byte> stored(matrix_bytes, std::byte{0x3c});
  std::vector<PackedMatrix> matrices;
  for (std::size_t i = 0; i < count; ++i) {
    matrices.emplace_back(outputs, inputs, dtype);
    matrices.back().pack_rows(0, outputs, stored.data());
  }
  const std::vector<float> x(static_cast<std::size_t>(rows * inputs), 0.01f);
  std::vector<float> y(static_cast<std::size_t>(rows * outputs));
  const double seconds = best_seconds([&] {
                           for (const PackedMatrix& matrix : matrices)
                             matmul(machine.isa, machine.team,
                                    {.x = x.data(),
                                     .x_stride = inputs,
                                     .weights = &matrix,
                                     .y = y.data(),
                                     .y_stride = outputs,
                                     .rows = rows});
                         }) /
                         static_cast<double>(count);
  char what[80];
  std::snprintf(what, sizeof what, "matmul %s %lldx%lld, %lld rows", to_string(dtype), static_cast<long long>(outputs),
                static_cast<long long>(inputs), static_cast<long long>(rows));
  report(machine, what, static_cast<double>(matrix_bytes), 2.0 * static_cast<double>(outputs * inputs * rows), seconds);
}

void time_attention(const Machine& machine, std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim,
                    std::int64_t sequences, std::int64_t first_position, std::int64_t rows) {
  const std::int64_t blocks_each = (first_position + rows + kBlockPositions - 1) / kBlockPositions;
  KvLayout layout{.layers = 1,
                  .kv_heads = kv_heads,
                  .head_dim = head_dim,
                  .blocks = blocks_each * sequences,
                  .dtype = DType::kBf16};
  const bool decode = rows == 1;
  if (decode) layout.layers = std::max<std::int64_t>(1, static_cast<std::int64_t>(kPastCaches / layout.slab_bytes()));
  const std::vector<std::byte> slab(layout.slab_bytes(), std::byte{0x3c});
  std::vector<std::uint32_t> table(static_cast<std::size_t>(layout.blocks));
  std::iota(table.begin(), table.end(), 0u);
  std::vector<AttentionSequence> batch;
  for (std::int64_t s = 0; s < sequences; ++s)
    batch.push_back({.first_row = s * rows,
                     .rows = rows,
                     .first_position = first_position,
                     .block_table = table.data() + s * blocks_each});
  const std::vector<float> q(static_cast<std::size_t>(sequences * rows * heads * head_dim), 0.01f);
  std::vector<float> out(q.size());
  const double seconds = best_seconds([&] {
                           for (std::int64_t layer = 0; layer < layout.layers; ++layer)
                             attention(machine.isa, machine.team,
                                       {.q = q.data(),
                                        .q_stride = heads * head_dim,
                                        .out = out.data(),
                                        .out_stride = heads * head_dim,
                                        .heads = heads,
                                        .scale = 0.1f,
                                        .slab = slab.data(),
                                        .layout = &layout,
                                        .layer = layer,
                                        .sequences = batch});
                         }) /
                         static_cast<double>(layout.layers);
  const double pairs = static_cast<double>(sequences * heads * rows) *
                       (static_cast<double>(first_position) + 0.5 * static_cast<double>(rows + 1));
  char what[80];
  std::snprintf(what, sizeof what, "attention %lld/%lld of %lld, %lld x (%lld after %lld)",
                static_cast<long long>(heads), static_cast<long long>(kv_heads), static_cast<long long>(head_dim),
                static_cast<long long>(sequences), static_cast<long long>(rows),
                static_cast<long long>(first_position));
  report(machine, what, static_cast<double>(layout.slab_bytes()) / static_cast<double>(layout.layers),
         4.0 * pairs * static_cast<double>(head_dim), seconds);
}

void time_empty_job(const Machine& machine) {
  constexpr int kJobs = 1000;
  const double seconds = best_seconds([&] {
    for (int i = 0; i < kJobs; ++i) machine.team.run(machine.team.width(), [](std::size_t) {});
  });
  std::printf("%-44s %9.2f us\n", "an empty job for the team", seconds / kJobs * 1e6);
}

int run(int argc, char** argv) {
  const bool only_peaks = argc > 1 && std::string_view(argv[1]) == "--peaks";
  if (only_peaks) {
    ++argv;
    --argc;
  }
  const std::size_t threads = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : std::thread::hardware_concurrency();
  const std::optional<CpuIsa> isa = argc > 2 ? cpu_isa_from(argv[2]) : best_cpu_isa();
  if (threads < 1 || threads > 1024 || !isa || !supports(*isa)) {
    std::fprintf(stderr,
                 "usage: matmul_attention_benchmark [--peaks] [threads, 1 to 1024] "
                 "[reference|avx2|avx512, as far as this host has it]\n");
    return 2;
  }
  exec::ThreadTeam team(threads);
  Machine machine{.isa = *isa, .team = team};
  machine.bytes_per_second = read_rate(team);
  machine.flops = multiply_add_rate(*isa, team);
  if (only_peaks) {
    std::printf("{\"threads\": %zu, \"isa\": \"%s\", \"read_bytes_per_second\": %.0f, \"flops\": %.0f}\n", threads,
                to_string(*isa), machine.bytes_per_second, machine.flops);
    return 0;
  }
  std::printf("%zu threads, %s: memory is read at %.2f GB/s, multiply-adds peak at %.1f GFLOP/s\n", threads,
              to_string(*isa), machine.bytes_per_second * 1e-9, machine.flops * 1e-9);
  time_empty_job(machine);
  for (const DType dtype : {DType::kBf16, DType::kF16, DType::kF32}) time_matmul(machine, dtype, 4096, 2048, 1);
  for (const std::int64_t rows : {2, 4, 8, 12, 16, 32, 64, 128, 512})
    time_matmul(machine, DType::kBf16, 4096, 2048, rows);
  for (const std::int64_t rows : {1, 512}) time_matmul(machine, DType::kBf16, 1152, 896, rows);
  for (const std::int64_t rows : {1, 512}) time_matmul(machine, DType::kBf16, 896, 4864, rows);
  time_attention(machine, 14, 2, 64, 1, 4095, 1);
  time_attention(machine, 14, 2, 64, 16, 1023, 1);
  time_attention(machine, 32, 32, 128, 4, 1023, 1);
  time_attention(machine, 14, 2, 64, 1, 0, 512);
  time_attention(machine, 32, 8, 128, 1, 1536, 512);
  return 0;
}

}  // namespace
}  // namespace troupe::kernels

int main(int argc, char** argv) { return troupe::kernels::run(argc, argv); }
