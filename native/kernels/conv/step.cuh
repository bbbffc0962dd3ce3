// How kernels for graphics cards walk over the taps and channels of a window.
#pragma once
#include "../../cuda/device.cuh"

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

}  // namespace
}  // namespace lowbit
