// From packed low-bit codes to the int8 levels they stand for. Packing has no row here: a level off the grid is a fault of the call, and
// rows do not wait to see it.
#include "../../op.h"
#include "packed.cuh"

namespace lowbit {
namespace {

// A thread has 16 levels.
__global__ void unpackChunks(const PackedRows packed, int8_t* __restrict__ y, int64_t chunks) {
  FOR_EACH(i, packed.rows * chunks) {
    const int64_t row = i / chunks;
    const int first = static_cast<int>(i % chunks) * 16;
    const uint4 chunk = packed.chunk(packed.row(row), first);
    const uint32_t words[4] = {chunk.x, chunk.y, chunk.z, chunk.w};
    int8_t* own = y + row * packed.depth + first;
    if (packed.depth % 16 == 0) {
      *reinterpret_cast<uint4*>(own) = chunk;
    } else {
#pragma unroll
      for (int k = 0; k < 16; k++)
        if (first + k < packed.depth) own[k] = static_cast<int8_t>(words[k / 4] >> k % 4 * 8);
    }
  }
}

}  // namespace

// y[o, i] = level(code i of row o)
bool unpackLevels_cuda(const unpackLevels_call& c) {
  const Levels grid(c.bits.integer(), c.grid.integer());
  const int64_t row = c.y.count(1, c.y.rank), chunks = ceilDiv(row, 16);
  EXPECT(c.packed.rank == 2 && c.packed.shape[0] == c.y.shape[0] && c.packed.shape[1] == grid.rowBytes(row));
  if (!holdsPairs(c.packed) || reinterpret_cast<uintptr_t>(c.y.data) % 16) return false;
  if (c.y.size()) run(unpackChunks, launchOver(c.y.shape[0] * chunks), packedRows(c.packed, row, 1, grid), c.y.as<int8_t>(), chunks);
  return true;
}

}  // namespace lowbit
