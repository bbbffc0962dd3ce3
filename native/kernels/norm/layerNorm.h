// What the rows of layer normalization agree on. With n the elements of a line, in double and in the order of core/interleaved.h:
//   mean = Σ x / n     inverse = 1 / √(Σ (x − mean)² / n + epsilon)     x̂ = (x − mean)·inverse
//   layerNorm           y = fma(x̂, scale, bias)
//   layerNormInputGrad  dx = inverse·(g − Σ g / n − x̂·(Σ g·x̂ / n))     g = dy·scale
//   layerNormScaleGrad  dscale = Σ dy·x̂ over the lines: lines are cut into chunks, a sum for each, then those added in order
// Results are rounded once.
#pragma once
#include "../../core/check.h"
#include "../../core/view.h"

namespace lowbit {
namespace {

struct Lines {
  int64_t count, width;

  // Lines of x over the dimensions from `given` on, which may count from the back.
  INLINE Lines(const View& x, int64_t given) {
    const int axis = static_cast<int>(given < 0 ? given + x.rank : given);
    EXPECT(axis >= 0 && axis < x.rank);
    count = x.count(0, axis);
    width = x.count(axis, x.rank);
  }
};

struct Chunk {
  int64_t begin, end;
};

constexpr int64_t kMostChunks = 32;
INLINE int64_t chunksOf(int64_t lines) { return lines < kMostChunks ? lines : kMostChunks; }
INLINE Chunk chunk(int64_t lines, int64_t i) { return {lines * i / chunksOf(lines), lines * (i + 1) / chunksOf(lines)}; }

}  // namespace
}  // namespace lowbit
