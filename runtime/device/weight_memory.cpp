#include "runtime/device/weight_memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#include "runtime/base/check.hpp"

namespace troupe::device {
namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

std::size_t whole_pages(std::size_t bytes) { return (bytes + kHugePage - 1) / kHugePage * kHugePage; }

}  // namespace

WeightMemory::WeightMemory(std::size_t expected_bytes) : arena_(expected_bytes, &pages_) {}

void* WeightMemory::Pages::do_allocate(std::size_t bytes, std::size_t alignment) {
  CHECK(alignment <= kHugePage, alignment);
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
  const std::size_t wanted = whole_pages(bytes), mapped = wanted + kHugePage;
  void* const memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(memory);
  const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
  if (before > 0) ::munmap(begin, before);
  ::munmap(begin + before + wanted, mapped - before - wanted);
  ::madvise(begin + before, wanted, MADV_HUGEPAGE);  // where the system has none, small ones do
  return begin + before;
}

void WeightMemory::Pages::do_deallocate(void* memory, std::size_t bytes, std::size_t) {
  ::munmap(memory, whole_pages(bytes));
}

}  // namespace troupe::device
