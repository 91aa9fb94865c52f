// The piece of an attention that one thread computes at a time, and its three implementations. Internal to
// kernels/attention.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/core/dtype.hpp"

namespace troupe::kernels {

inline constexpr std::int64_t kMaxHeadDim = 512;
/// Queries that go through a sequence's KV together.
inline constexpr std::int64_t kQueriesOfPart = 32;

/// Some of the queries of one sequence that read one KV head, all of a row's before the next row's: query i is row i /
/// group, and the (i % group)th head of the group. Plain numbers only: a file compiled for one instruction set must
/// call no inline function of another header, whose copy the linker might then give to code that runs on any host.
struct AttentionPart {
  const float* q;  ///< the sequence's first row, the group's first head
  std::int64_t q_stride;
  float* out;  ///< likewise
  std::int64_t out_stride;
  std::int64_t group;
  std::int64_t head_dim;
  std::int64_t first_query;
  std::int64_t queries;  ///< at most kQueriesOfPart
  std::int64_t first_position;
  std::int64_t window;
  float scale;
  DType dtype;
  const std::byte* k;  ///< the KV head's keys in block 0; a block's are block * block_bytes further
  const std::byte* v;
  std::int64_t block_bytes;
  const std::uint32_t* block_table;
};

void attention_part_reference(const AttentionPart& part);
void attention_part_avx2(const AttentionPart& part);
void attention_part_avx512(const AttentionPart& part);

}  // namespace troupe::kernels
