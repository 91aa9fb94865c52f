// The scalar definitions that the vector code must match bit for bit: e^x, and reductions of sixteen lanes by a fixed
// tree.
#pragma once

namespace troupe::kernels {

/// e^x with an error below 1 unit in the last place; 0 below -104, infinity above 88.73, NaN for NaN; exactly 1 at 0.
/// The same bits on every host: no libm.
float exp_f32(float x);

/// lanes[0..16) summed: i takes i + 8, then i + 4, i + 2, i + 1.
float sum16(const float* lanes);

/// The largest of lanes[0..16) by the same tree; a > b ? a : b at each node.
float maximum16(const float* lanes);

}  // namespace troupe::kernels
