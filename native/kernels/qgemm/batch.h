// Batch dimensions of a matrix product, broadcast as in numpy.
#pragma once
#include "../../core/view.h"

namespace lowbit {

// Elements before the matrix of `operand` that belongs to matrix number `batch` of y.
INLINE int64_t matrixStart(const View& operand, const View& y, int64_t batch) {
  int64_t start = 0, step = operand.dim(-1) * operand.dim(-2);
  for (int d = 3; d <= y.rank; d++) {
    const int64_t index = batch % y.dim(-d);
    batch /= y.dim(-d);
    if (d > operand.rank) continue;
    if (operand.dim(-d) != 1) start += index * step;
    step *= operand.dim(-d);
  }
  return start;
}

}  // namespace lowbit
