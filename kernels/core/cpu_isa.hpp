// Which instructions this host's CPU kernels use. All choices give the same bits.
#pragma once

#include <optional>
#include <string_view>

namespace troupe::kernels {

/// kReference is the plain definition in C++; the others are vectorised.
enum class CpuIsa { kReference, kAvx2, kAvx512 };

/// The best that the processor and the operating system support (AVX2 needs FMA and F16C; AVX-512 needs F, BW, VL, DQ).
CpuIsa best_cpu_isa();

/// Whether this host can run `isa`.
bool supports(CpuIsa isa);

/// "reference", "avx2", "avx512".
const char* to_string(CpuIsa isa);
std::optional<CpuIsa> cpu_isa_from(std::string_view name);

}  // namespace troupe::kernels
