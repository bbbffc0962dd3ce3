// How kernels for graphics cards walk over the taps and channels of a window.
#pragma once
#include "../../cuda/product.cuh"

namespace lowbit {
namespace {

// A channel of a tap; channels go first, then columns, then rows.
struct Step {
  int row, column, channel;

  // Stops behind the last row.
  DEVICE void advance(int by, int rows, int columns, int channels) {
    channel += by;
    while (channel >= channels && row < rows) {
      channel -= channels;
      if (++column < columns) continue;
      column = 0;
      row++;
    }
  }
};

// Four steps of a cursor from one on, which are neighbours in memory if `quads`.
template <class T, class Cursor> DEVICE void loadSteps(const Cursor& from, Step step, bool quads, T (&quad)[4]) {
  const T* at = from.address(step);
  if (quads && at) return loadQuad(quad, at);
#pragma unroll
  for (int e = 0; e < 4; e++) {
    quad[e] = at ? *at : T(0);
    if (quads) continue;
    from.advance(step, 1);
    at = from.address(step);
  }
}

}  // namespace
}  // namespace lowbit
