// Checksums: whatever instructions and parts, the library's own value.
#include "runtime/link/checksum.hpp"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <vector>

#include "kernels/core/cpu_isa.hpp"
#include "runtime/base/random.hpp"
#include "runtime/link/checksum_table.hpp"

namespace troupe::link {
namespace {

std::vector<std::byte> random_bytes(std::size_t length) {
  RandomStream random(length);
  std::vector<std::byte> bytes(length);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next() & 0xff);
  return bytes;
}

constexpr std::size_t kLengths[] = {0, 1, 16, 17, 128, 129, 240, 241, 1023, 1024, 1025, 65535, 65536, 200001};

TEST(Checksum, IsTheLibrarysForEveryInstructionSetOfTheHost) {
  for (const std::size_t length : kLengths) {
    const auto bytes = random_bytes(length);
    const std::uint64_t expected = XXH3_64bits(bytes.data(), bytes.size());
    EXPECT_EQ(checksum_of(bytes), expected) << length;
    for (const auto& [isa, table] :
         {std::pair{kernels::CpuIsa::kAvx2, &kChecksumAvx2}, std::pair{kernels::CpuIsa::kAvx512, &kChecksumAvx512}}) {
      if (!kernels::supports(isa)) continue;
      EXPECT_EQ(table->once(bytes.data(), length), expected) << to_string(isa) << " " << length;
    }
  }
}

TEST(Checksum, DoesNotDependOnTheParts) {
  for (const std::size_t length : kLengths) {
    const auto bytes = random_bytes(length);
    for (const std::size_t part : {std::size_t{1}, std::size_t{100}, std::size_t{4096}, std::size_t{70000}}) {
      Checksum checksum;
      for (std::size_t at = 0; at < length; at += part) {
        checksum.add(std::span(bytes).subspan(at, std::min(part, length - at)));
      }
      EXPECT_EQ(checksum.value(), checksum_of(bytes)) << length << " by " << part;
    }
  }
}

TEST(Checksum, OfACopyIsThatOfWhatWasCopied) {
  for (const std::size_t length : kLengths) {
    const auto from = random_bytes(length);
    std::vector<std::byte> to(length);
    Checksum written;
    copy_checked(to, from, &written);
    EXPECT_EQ(to, from);
    EXPECT_EQ(written.value(), checksum_of(from));
  }
}

}  // namespace
}  // namespace troupe::link
