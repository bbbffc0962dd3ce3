// The weight gradient of a convolution as a product of matrices for graphics cards: rows are the outputs of a group, columns the taps and
// channels of its windows, steps the pixels of a chunk. A part is one chunk and one group.
#pragma once
#include "../../cuda/product.cuh"
#include "weightGrad.h"

namespace lowbit {
namespace {

// x under one tap and channel, or four, pixel after pixel; 0 outside x.
template <class T, class Grad> struct WindowCursor {
  static constexpr bool alongSteps = false;
  const Grad& of;
  const T* x;                             // the first channel of the group
  int row[4], column[4], channel[4];      // of the taps, from the window's place on; no channel (-1) where there is no column
  int steps, n, i, j;                     // left, and where the pixel is

  DEVICE WindowCursor(const Grad& of, const T* x, int first, int pixel, int steps) : of(of), x(x), steps(steps) {
#pragma unroll
    for (int e = 0; e < 4; e++) {
      const int at = first + e, tap = at / of.groupIn;
      channel[e] = at < of.columns ? at % of.groupIn : -1;
      row[e] = tap / of.kernelWidth * of.dilationDown - of.top;
      column[e] = tap % of.kernelWidth * of.dilationAcross - of.left;
    }
    j = pixel % of.width;
    i = pixel / of.width % of.height;
    n = pixel / of.width / of.height;
  }
  DEVICE const T* address(int e) const {
    const int r = i * of.strideDown + row[e], c = j * of.strideAcross + column[e];
    const bool inside = steps > 0 && channel[e] >= 0 && r >= 0 && r < of.inHeight && c >= 0 && c < of.inWidth;
    return inside ? x + ((int64_t{n} * of.inHeight + r) * of.inWidth + c) * of.channels + channel[e] : nullptr;
  }
  DEVICE T element(int e) const {
    const T* at = address(e);
    return at ? *at : T(0);
  }
  DEVICE T value() const { return element(0); }
  DEVICE void load(T (&quad)[4]) const {
    const T* at = of.windowQuads ? address(0) : nullptr;
    if (at) return copyQuad(quad, at);
#pragma unroll
    for (int e = 0; e < 4; e++) quad[e] = of.windowQuads ? T(0) : element(e);
  }
  DEVICE void advance(int by) {
    steps -= by;
    j += by;
    while (j >= of.width && steps > 0) {
      j -= of.width;
      if (++i < of.height) continue;
      i = 0;
      n++;
    }
  }
};

template <class T> struct WindowGrad {
  Chunks chunks;
  int height, width, outputs, channels, groups, groupIn, kernelWidth, inHeight, inWidth;
  int strideDown, strideAcross, dilationDown, dilationAcross, top, left;
  bool gradQuads, windowQuads;
  const T *dy, *x;
  Output<T> out;
  int parts, rows, columns;

  WindowGrad(const WeightGrad& p, const View& dy, const View& x, T* dw)
      : chunks(p.chunks),
        height(number(p.height)),
        width(number(p.width)),
        outputs(number(p.out)),
        channels(number(p.channels)),
        groups(number(p.groups)),
        groupIn(number(p.groupIn)),
        kernelWidth(number(p.columns.kernel)),
        inHeight(number(p.rows.input)),
        inWidth(number(p.columns.input)),
        strideDown(number(p.rows.stride)),
        strideAcross(number(p.columns.stride)),
        dilationDown(number(p.rows.dilation)),
        dilationAcross(number(p.columns.dilation)),
        top(number(p.rows.pad)),
        left(number(p.columns.pad)),
        gradQuads(inQuads(dy.data, p.groupOut)),
        windowQuads(inQuads(x.data, p.groupIn)),
        dy(dy.as<T>()),
        x(x.as<T>()),
        out{dw, p.depth()},
        parts(number(p.chunks.count * p.groups)),
        rows(number(p.groupOut)),
        columns(number(p.depth())) {}

  struct Part {
    const WindowGrad& of;
    int group, firstPixel, steps, rows, columns;
    int64_t firstRow;
    int firstColumn = 0;

    DEVICE MatrixCursor<T, false> left(int row, int k) const {
      return {of.dy + int64_t{firstPixel} * of.outputs + group * of.rows, of.outputs, row, rows, k, steps, of.gradQuads};
    }
    DEVICE WindowCursor<T, WindowGrad> right(int column, int k) const {
      return {of, of.x + group * of.groupIn, column, firstPixel + k, steps - k};
    }
    DEVICE int64_t place(int row) const { return firstRow + row; }
  };
  // Chunk by chunk, which is how their sums lie.
  DEVICE Part part(int64_t i) const {
    const int64_t chunk = i / groups, first = chunks.first(chunk), end = chunks.first(chunk + 1);
    return {*this, static_cast<int>(i % groups), static_cast<int>(first), static_cast<int>(end - first), rows, columns, i * rows};
  }

 private:
  static int number(int64_t x) { return static_cast<int>(x); }
};

}  // namespace
}  // namespace lowbit
