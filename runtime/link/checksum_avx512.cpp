// gcc 12 takes the undefined operand of its own AVX-512 intrinsics for a mistake (gcc bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#include "runtime/link/checksum_table.inl"

namespace troupe::link {

const ChecksumTable kChecksumAvx512 = kTable;

}  // namespace troupe::link
