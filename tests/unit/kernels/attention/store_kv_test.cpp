#include <gtest/gtest.h>

#include "tests/unit/kernels/attention/scene.hpp"

namespace troupe::kernels {
namespace {

TEST(StoreKv, PutsEachNumberWhereTheLayoutSaysAndTouchesNothingElse) {
  Serial serial;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
    const Scene scene{.heads = 3, .kv_heads = 3, .head_dim = 7, .dtype = dtype, .spans = {{0, 19}}};
    const KvLayout layout = scene.layout();
    std::vector<std::byte> expected(layout.slab_bytes(), std::byte{0xff});
    const std::vector<std::byte> kv = stored_as(dtype, scene.kv(0));
    const std::size_t size = bytes_of(dtype);
    for (std::int64_t position = 0; position < 19; ++position) {
      const std::size_t base = layout.offset(Scene::kLayer, scene.tables()[0][static_cast<std::size_t>(position / 16)]);
      for (std::int64_t head = 0; head < 3; ++head) {
        for (std::int64_t d = 0; d < 7; ++d) {
          const auto from = static_cast<std::size_t>(position * scene.kv_stride() + head * 7 + d);
          const auto k = static_cast<std::size_t>((head * 7 + d) * 16 + position % 16);
          const auto v = static_cast<std::size_t>((head * 16 + position % 16) * 7 + d);
          std::memcpy(&expected[base + k * size], &kv[from * size], size);
          std::memcpy(&expected[base + layout.half_bytes() + v * size], &kv[(from + 21) * size], size);
        }
      }
    }
    EXPECT_EQ(scene.slab(serial), expected) << to_string(dtype);
  }
}

TEST(StoreKv, ChunksAndThreadsChangeNoByte) {
  Serial serial;
  ThreeThreads three;
  const Scene scene{.heads = 4, .kv_heads = 4, .head_dim = 64, .spans = {{0, 200}, {7, 1}}};
  const std::vector<std::byte> expected = scene.slab(serial);
  for (const std::int64_t chunk : {1, 5, 150}) EXPECT_EQ(scene.slab(three, chunk), expected);
  EXPECT_EQ(scene.slab(three), expected);
}

TEST(KvLayout, BlocksOfALayerAreNeighbours) {
  const KvLayout layout{.layers = 2, .kv_heads = 3, .head_dim = 8, .blocks = 5, .dtype = DType::kBf16};
  EXPECT_EQ(layout.layer_block_bytes(), 2u * 3 * 8 * 16 * 2);
  EXPECT_EQ(layout.offset(0, 1), layout.layer_block_bytes());
  EXPECT_EQ(layout.offset(1, 0), 5 * layout.layer_block_bytes());
  EXPECT_EQ(layout.slab_bytes(), layout.offset(2, 0));
  EXPECT_EQ(layout.position_bytes() * 16, layout.block_bytes());
}

TEST(StoreKvDeathTest, RefusesALayerThatTheSlabDoesNotHave) {
  Serial serial;
  const KvLayout layout{.layers = 1, .kv_heads = 1, .head_dim = 4, .blocks = 1};
  std::vector<std::byte> slab(layout.slab_bytes());
  EXPECT_DEATH(store_kv(best_cpu_isa(), serial,
                        {.row_stride = 4, .slab = slab.data(), .layout = &layout, .layer = 1, .sequences = {}}),
               "CHECK failed.*1, 1");
}

}  // namespace
}  // namespace troupe::kernels
