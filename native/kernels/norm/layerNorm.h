// What the rows of layer normalization agree on, for lines of n elements:
//   statistics          S = Σ d and Q = Σ d² of d = x − x[0], in double and in the order of core/interleaved.h
//                       mean = x[0] + S / n     variance = (Q − S²/n) / n     inverse = 1 / √(variance + epsilon)
//   of each element     x̂ = ((x − high) − low)·inverse with mean = high + low
//   layerNorm           y = fma(x̂, scale, bias)
//   layerNormInputGrad  dx = inverse·fma(−x̂, Σ g·x̂ / n, g − Σ g / n)     g = dy·scale, sums as above
//   layerNormScaleGrad  dscale = Σ dy·x̂ over the lines: lines are cut into chunks, a sum for each, then those added in order
// Sums are double; the elements of float32 are computed in float32, those of other types in double. (x[0] is an element, so (x[0] − mean)²
// is at most n variances, and S²/n takes no more than the last few digits of Q away.)
#pragma once
#include <math.h>

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

struct Statistics {
  double mean, inverse;
};

INLINE Statistics statisticsOf(double first, double sum, double squares, int64_t width, double epsilon) {
  const double size = static_cast<double>(width), spread = squares - sum * sum / size;
  return {first + sum / size, 1 / sqrt((spread < 0 ? 0 : spread) / size + epsilon)};
}

struct Chunk {
  int64_t begin, end;
};

constexpr int64_t kMostChunks = 32;
INLINE int64_t chunksOf(int64_t lines) { return lines < kMostChunks ? lines : kMostChunks; }
INLINE Chunk chunk(int64_t lines, int64_t i) { return {lines * i / chunksOf(lines), lines * (i + 1) / chunksOf(lines)}; }

}  // namespace
}  // namespace lowbit
