// Convolutions with packed low-bit weights: those with int8 weights (cuda/windows.cuh), unpacked in registers.
#include "../../cuda/windows.cuh"
#include "packed.cuh"
#include "unpacked.h"

namespace lowbit {

bool lowbitConv2d_cuda(const lowbitConv2d_call& c) {
  if (!holdsPairs(c.w)) return false;
  const qconv2d_call call = unpacked(c);
  const PackedRows weights = packedRows(c.w, call.w.count(1, 4), c.groups.integer(), levelsOf(c));
  return convolveCodes(call, 16, [&](auto) { return weights; });
}

}  // namespace lowbit
