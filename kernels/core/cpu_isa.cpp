#include "kernels/core/cpu_isa.hpp"

namespace troupe::kernels {

bool supports(CpuIsa isa) {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  switch (isa) {
    case CpuIsa::kReference:
      return true;
    case CpuIsa::kAvx2:
      return avx2;
    case CpuIsa::kAvx512:
      return avx512;
  }
  return false;
}

CpuIsa best_cpu_isa() {
  return supports(CpuIsa::kAvx512) ? CpuIsa::kAvx512 : supports(CpuIsa::kAvx2) ? CpuIsa::kAvx2 : CpuIsa::kReference;
}

const char* to_string(CpuIsa isa) {
  return isa == CpuIsa::kReference ? "reference" : isa == CpuIsa::kAvx2 ? "avx2" : "avx512";
}

std::optional<CpuIsa> cpu_isa_from(std::string_view name) {
  for (const CpuIsa isa : {CpuIsa::kReference, CpuIsa::kAvx2, CpuIsa::kAvx512})
    if (name == to_string(isa)) return isa;
  return std::nullopt;
}

}  // namespace troupe::kernels
