#include "runtime/link/checksum.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/core/cpu_isa.hpp"
#include "runtime/base/check.hpp"
#include "runtime/link/checksum_table.inl"

namespace troupe::link {
namespace {

constexpr std::size_t kHot = 64 * 1024;  // what stays in a core's cache between being copied and being read

const ChecksumTable& table() {
  static const ChecksumTable& best = [&]() -> const ChecksumTable& {
    switch (kernels::best_cpu_isa()) {
      case kernels::CpuIsa::kAvx512:
        return kChecksumAvx512;
      case kernels::CpuIsa::kAvx2:
        return kChecksumAvx2;
      case kernels::CpuIsa::kReference:
        break;
    }
    return kTable;
  }();
  return best;
}

}  // namespace

std::uint64_t checksum_of(std::span<const std::byte> bytes) { return table().once(bytes.data(), bytes.size()); }

Checksum::Checksum() : state_(static_cast<State*>(table().make())) { CHECK(state_ != nullptr); }

void Checksum::add(std::span<const std::byte> bytes) { table().add(state_.get(), bytes.data(), bytes.size()); }

std::uint64_t Checksum::value() const { return table().value(state_.get()); }

void copy_checked(std::span<std::byte> to, std::span<const std::byte> from, Checksum* written) {
  CHECK(to.size() == from.size(), to.size(), from.size());
  if (written == nullptr) {
    std::copy(from.begin(), from.end(), to.begin());
    return;
  }
  for (std::size_t at = 0; at < to.size(); at += kHot) {
    const std::size_t part = std::min(kHot, to.size() - at);
    std::memcpy(to.data() + at, from.data() + at, part);
    written->add(to.subspan(at, part));
  }
}

void Checksum::Free::operator()(State* state) const { table().free(state); }

}  // namespace troupe::link
