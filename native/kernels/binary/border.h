// From what the sums of a window start: from the number of products, and for padding with 0 without the taps outside the image. Those read
// -1 (bits of 0), so that each has added -Σ of its weights. Windows with the same taps outside share their starts.
#pragma once
#include "../../core/window.h"
#include "panels.h"

namespace lowbit {
namespace {

// The windows along one axis, by their taps inside: as windows move on, those of one kind are neighbours.
struct Kinds {
  Window window;
  int64_t windows;
  bool one;  // all are of one kind

  bool begins(int64_t i) const { return i == 0 || (!one && !(window.taps(i) == window.taps(i - 1))); }
  int64_t count() const {
    int64_t kinds = 0;
    for (int64_t i = 0; i < windows; i++) kinds += begins(i);
    return kinds;
  }
  // at[i] = step · (kind of window i)
  void number(int64_t* at, int64_t step) const {
    for (int64_t i = 0; i < windows; i++) at[i] = i == 0 ? 0 : at[i - 1] + (begins(i) ? step : 0);
  }
};

struct Border {
  Kinds rows, columns;
  int64_t padded;  // outputs of all panels

  Border(const binaryConv2d_call& c, int64_t padded)
      : rows{axis(c, 0), c.y.shape[1], c.padValue.integer() != 0},
        columns{axis(c, 1), c.y.shape[2], c.padValue.integer() != 0},
        padded(padded) {}
  static Window axis(const binaryConv2d_call& c, int i) { return {c.x.shape[1 + i], c.kernel[i], c.strides[i], c.dilations[i], c.pads[i]}; }

  int64_t starts() const { return rows.count() * columns.count() * padded; }
  int64_t places() const { return rows.windows + columns.windows; }

  // A window's starts are at starts + rowPlaces[row] + columnPlaces[column].
  template <class V> void fill(const SignPanels<V>& panels, int32_t* starts, int64_t* rowPlaces, int64_t* columnPlaces) const {
    columns.number(columnPlaces, padded);
    rows.number(rowPlaces, columns.count() * padded);
    for (int64_t row = 0; row < rows.windows; row++)
      for (int64_t column = 0; rows.begins(row) && column < columns.windows; column++)
        if (columns.begins(column)) fillOne(panels, starts + rowPlaces[row] + columnPlaces[column], row, column);
  }

 private:
  template <class V> void fillOne(const SignPanels<V>& panels, int32_t* start, int64_t row, int64_t column) const {
    for (int64_t o = 0; o < padded; o++) start[o] = static_cast<int32_t>(panels.taps * panels.channels);
    if (rows.one) return;
    const Inside down = rows.window.taps(row), across = columns.window.taps(column);
    for (int64_t tap = 0; tap < panels.taps; tap++) {
      const int64_t a = tap / columns.window.kernel, b = tap % columns.window.kernel;
      if (a >= down.first && a < down.end && b >= across.first && b < across.end) continue;
      const int32_t* sums = panels.tapSums + tap * padded;
      for (int64_t o = 0; o < padded; o++) start[o] += sums[o];
    }
  }
};

}  // namespace
}  // namespace lowbit
