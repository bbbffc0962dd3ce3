// Linear layers with packed low-bit weights: those of int8 weights (cuda/matrices.cuh), unpacked in registers.
#include "../../cuda/matrices.cuh"
#include "packed.cuh"
#include "unpacked.h"

namespace lowbit {

bool lowbitGemm_cuda(const lowbitGemm_call& c) {
  if (!holdsPairs(c.b)) return false;
  const PackedRows weights = packedRows(c.b, c.a.dim(-1), 1, levelsOf(c));
  multiplyCodes(unpacked(c), 16, [&](auto) { return weights; });
  return true;
}

}  // namespace lowbit
