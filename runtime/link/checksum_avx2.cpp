#include "runtime/link/checksum_table.inl"

namespace troupe::link {

const ChecksumTable kChecksumAvx2 = kTable;

}  // namespace troupe::link
