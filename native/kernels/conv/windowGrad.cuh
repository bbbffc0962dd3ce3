// The weight gradient of a convolution as a product of matrices for graphics cards: rows are the outputs of a group, columns the taps and
// channels of its windows, steps the pixels of a chunk. A part is one chunk and one group.
#pragma once
#include "step.cuh"
#include "weightGrad.h"

namespace lowbit {
namespace {

// x under one tap and channel, or four, pixel after pixel; 0 outside x.
template <class T, class Grad> struct WindowCursor {
  static constexpr bool alongSteps = false;
  const Grad& of;
  const T* x;   // the first channel of the group
  Step line;    // tap and channel
  int n, i, j;  // the pixel
  int steps;    // from here on

  DEVICE const T* address(const Step& at) const {
    const int row = i * of.strideDown + at.row * of.dilationDown - of.padTop,
              column = j * of.strideAcross + at.column * of.dilationAcross - of.padLeft;
    if (steps <= 0 || at.row >= of.kernelHeight || row < 0 || row >= of.inHeight || column < 0 || column >= of.inWidth) return nullptr;
    return x + ((int64_t{n} * of.inHeight + row) * of.inWidth + column) * of.channels + at.channel;
  }
  DEVICE T value() const {
    const T* at = address(line);
    return at ? *at : T(0);
  }
  DEVICE void load(T (&quad)[4]) const { loadSteps(*this, line, of.windowQuads, quad); }
  DEVICE void advance(Step& at, int by) const { of.advance(at, by); }
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
  int height, width, outputs, channels, groups, groupIn, kernelHeight, kernelWidth, inHeight, inWidth;
  int strideDown, strideAcross, dilationDown, dilationAcross, padTop, padLeft;
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
        kernelHeight(number(p.rows.kernel)),
        kernelWidth(number(p.columns.kernel)),
        inHeight(number(p.rows.input)),
        inWidth(number(p.columns.input)),
        strideDown(number(p.rows.stride)),
        strideAcross(number(p.columns.stride)),
        dilationDown(number(p.rows.dilation)),
        dilationAcross(number(p.columns.dilation)),
        padTop(number(p.rows.pad)),
        padLeft(number(p.columns.pad)),
        gradQuads(inQuads(dy.data, p.groupOut)),
        windowQuads(inQuads(x.data, p.groupIn)),
        dy(dy.as<T>()),
        x(x.as<T>()),
        out{dw, p.depth()},
        parts(number(p.chunks.count * p.groups)),
        rows(number(p.groupOut)),
        columns(number(p.depth())) {}

  struct Part {
    int group, firstPixel, steps, rows, columns, firstColumn;
    int64_t firstRow;
  };
  // Chunk by chunk, which is how their sums lie.
  DEVICE Part part(int64_t i) const {
    const int64_t chunk = i / groups, first = chunks.first(chunk), end = chunks.first(chunk + 1);
    return {static_cast<int>(i % groups), static_cast<int>(first), static_cast<int>(end - first), rows, columns, 0, i * rows};
  }
  DEVICE void advance(Step& step, int by) const { step.advance(by, kernelHeight, kernelWidth, groupIn); }
  DEVICE MatrixCursor<T, false> left(const Part& part, int row, int k) const {
    return {dy + int64_t{part.firstPixel} * outputs + part.group * rows, outputs, row, rows, k, part.steps, gradQuads};
  }
  DEVICE WindowCursor<T, WindowGrad> right(const Part& part, int column, int k) const {
    const int pixel = part.firstPixel + k, tap = column / groupIn;
    const Step line{tap / kernelWidth, tap % kernelWidth, column % groupIn};
    return {*this, x + part.group * groupIn, line, pixel / width / height, pixel / width % height, pixel % width, part.steps - k};
  }
  DEVICE int64_t place(const Part& part, int row) const { return part.firstRow + row; }

 private:
  static int number(int64_t x) { return static_cast<int>(x); }
};

}  // namespace
}  // namespace lowbit
