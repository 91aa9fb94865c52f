// Functions of files compiled for one instruction set must never leave a copy behind that the linker could give to
// another file.
#pragma once

#define TROUPE_INLINE inline __attribute__((always_inline))
