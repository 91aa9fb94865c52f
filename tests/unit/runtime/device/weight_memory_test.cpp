#include "runtime/device/weight_memory.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace troupe::device {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

/// What the system says of the mapping that holds `address`: the VmFlags line of /proc/self/smaps.
std::string flags_of(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    if (words >> std::hex >> begin >> dash >> end && dash == '-') inside = begin <= wanted && wanted < end;
    if (inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

TEST(WeightMemory, AllocationsLieBehindEachOtherInPagesThatMayBeHuge) {
  WeightMemory memory(8 * kMiB);
  auto* const first = static_cast<std::byte*>(memory.resource()->allocate(3 * kMiB, 64));
  auto* const second = static_cast<std::byte*>(memory.resource()->allocate(4 * kMiB, 64));
  std::memset(first, 1, 3 * kMiB);
  std::memset(second, 2, 4 * kMiB);
  EXPECT_EQ(second - first, static_cast<std::ptrdiff_t>(3 * kMiB));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 64, 0u);
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) GTEST_SKIP() << "this kernel has no huge pages";
  EXPECT_NE(flags_of(first).find(" hg "), std::string::npos) << flags_of(first);
  EXPECT_NE(flags_of(second + 4 * kMiB - 1).find(" hg "), std::string::npos) << flags_of(second);
}

TEST(WeightMemory, GivesMoreThanWasExpected) {
  WeightMemory memory(kMiB);
  std::vector<std::byte*> parts;
  for (int i = 0; i < 5; ++i) {
    parts.push_back(static_cast<std::byte*>(memory.resource()->allocate(3 * kMiB, 64)));
    std::memset(parts.back(), i, 3 * kMiB);
  }
  for (int i = 0; i < 5; ++i)
    for (const std::size_t at : {std::size_t{0}, 3 * kMiB - 1})
      EXPECT_EQ(parts[static_cast<std::size_t>(i)][at], std::byte(i)) << "part " << i;
}

TEST(WeightMemory, GivesAllBackAtItsEnd) {
  std::byte* kept = nullptr;
  {
    WeightMemory memory(4 * kMiB);
    kept = static_cast<std::byte*>(memory.resource()->allocate(4 * kMiB, 64));
    EXPECT_NE(flags_of(kept), "");
  }
  EXPECT_EQ(flags_of(kept + 2 * kMiB), "");
}

TEST(WeightMemory, WhatNoSystemHasIsRefused) {
  WeightMemory memory(kMiB);
  EXPECT_THROW(static_cast<void>(memory.resource()->allocate(std::size_t{1} << 62, 64)), std::bad_alloc);
}

}  // namespace
}  // namespace troupe::device
