// Convolutions as products of matrices for graphics cards: rows are pixels, columns outputs, steps the taps and channels that meet. There
// is no im2col: a cursor walks over the window of its pixel.
//
// A part is one group, one line of y and one remainder of its columns by the stride (of a convolution that runs backwards; else there is
// one), in all images: all its pixels then skip the same taps, and outputs.h is followed to the byte.
#pragma once
#include "conv.h"
#include "step.cuh"

namespace lowbit {
namespace {

// The taps that meet x along one axis: `tap`, tap + tapStep, .. lie on `at`, at + atStep, ..
struct Taps {
  int count, tap, tapStep, at, atStep;
};

// Those of line i of y. Backwards, taps descend, so that what is read ascends, and those between pixels are left out.
DEVICE Taps tapsOf(const Window& w, bool backwards, int i, bool insideOnly) {
  const int kernel = static_cast<int>(w.kernel), stride = static_cast<int>(w.stride), dilation = static_cast<int>(w.dilation);
  Taps taps{0, 0, 0, 0, 0};
  for (int t = 0; t < kernel; t++) {
    const int tap = backwards ? kernel - 1 - t : t;
    int at = backwards ? i + static_cast<int>(w.pad) - tap * dilation : i * stride - static_cast<int>(w.pad) + tap * dilation;
    if (backwards && stride > 1) {
      if (at % stride) continue;
      at /= stride;
    }
    if (insideOnly && (at < 0 || at >= w.input)) continue;
    if (taps.count == 0) taps = {0, tap, 0, at, 0};
    if (taps.count == 1) taps = {1, taps.tap, tap - taps.tap, taps.at, at - taps.at};
    taps.count++;
  }
  return taps;
}

// Of one line of y.
struct WindowPart {
  Taps down, across;
  int group, line, phase, perImage;  // pixels are columns phase, phase + phases, ..: so many in an image
  int rows, columns, steps, firstColumn;
};

template <class T, class Windows> struct PixelCursor {
  static constexpr bool alongSteps = true;
  const Windows& of;
  const WindowPart& part;
  const T* image;  // the first channel of the group
  int column;      // of tap 0
  Step step;

  DEVICE const T* address(const Step& at) const {
    const int x = column + at.column * part.across.atStep;
    if (at.row >= part.down.count || x < 0 || x >= of.inWidth) return nullptr;
    return image + (((part.down.at + at.row * part.down.atStep) * of.inWidth + x) * of.channels + at.channel);
  }
  DEVICE T value() const {
    const T* at = address(step);
    return at ? *at : T(0);
  }
  DEVICE void load(T (&quad)[4]) const { loadSteps(*this, step, of.pixelQuads, quad); }
  DEVICE void advance(Step& at, int by) const { of.advance(part, at, by); }
  DEVICE void advance(int by) { advance(step, by); }
};

template <class T, class Windows, bool along> struct WeightCursor {
  static constexpr bool alongSteps = along;
  const Windows& of;
  const WindowPart& part;
  const T* weights;  // of the group and the output
  int outputs;       // from here on
  Step step;

  DEVICE const T* address(const Step& at) const {
    if (at.row >= part.down.count) return nullptr;
    const int row = part.down.tap + at.row * part.down.tapStep, column = part.across.tap + at.column * part.across.tapStep;
    return weights + ((row * of.kernelWidth + column) * of.weight.tap + at.channel * of.weight.in);
  }
  DEVICE T value() const { return *address(step); }
  DEVICE void load(T (&quad)[4]) const {
    if constexpr (along) return loadSteps(*this, step, of.weightQuads, quad);
    const T* at = address(step);
    if (at && of.weightQuads) return loadQuad(quad, at);
#pragma unroll
    for (int e = 0; e < 4; e++) quad[e] = at && e < outputs ? at[e] : T(0);
  }
  DEVICE void advance(Step& at, int by) const { of.advance(part, at, by); }
  DEVICE void advance(int by) { advance(step, by); }
};

// The weights' steps lie along channels, or `along` is false and their outputs do.
template <class T, bool along> struct Windows {
  using Part = WindowPart;
  Window windowRows, windowColumns;
  struct {
    int group, out, tap, in;
  } weight;
  int batch, height, width, channels, groupIn, groupOut, inHeight, inWidth, kernelWidth, columnStep, phases;
  bool backwards, pixelQuads, weightQuads;
  const T *x, *w;
  Output<T> out;
  int parts, rows, columns;

  Windows(const Conv& p, bool backwards, const View& x, const View& w, const Output<T>& out)
      : windowRows(p.rows),
        windowColumns(p.columns),
        weight{number(p.weight.group), number(p.weight.out), number(p.weight.tap), number(p.weight.in)},
        batch(number(p.batch)),
        height(number(p.height)),
        width(number(p.width)),
        channels(number(p.channels)),
        groupIn(number(p.groupIn)),
        groupOut(number(p.groupOut)),
        inHeight(number(p.rows.input)),
        inWidth(number(p.columns.input)),
        kernelWidth(number(p.columns.kernel)),
        columnStep(backwards ? 1 : number(p.columns.stride)),
        phases(backwards ? number(p.columns.stride) : 1),
        backwards(backwards),
        pixelQuads(inQuads(x.data, p.groupIn)),
        weightQuads(inQuads(w.data, along ? p.groupIn : p.groupOut)),
        x(x.as<T>()),
        w(w.as<T>()),
        out(out),
        parts(number(p.groups) * height * phases),
        rows(batch * ((width + phases - 1) / phases)),
        columns(groupOut) {}

  DEVICE Part part(int64_t index) const {
    const int i = static_cast<int>(index), group = i / phases / height, line = i / phases % height, phase = i % phases;
    const Taps down = tapsOf(windowRows, backwards, line, true), across = tapsOf(windowColumns, backwards, phase, false);
    const int perImage = (width - phase + phases - 1) / phases;
    return {down, across, group, line, phase, perImage, batch * perImage, groupOut, down.count * across.count * groupIn, group * groupOut};
  }
  DEVICE void advance(const Part& part, Step& step, int by) const { step.advance(by, part.down.count, part.across.count, groupIn); }
  DEVICE PixelCursor<T, Windows> left(const Part& part, int row, int k) const {
    const int image = row / part.perImage, column = part.across.at + row % part.perImage * columnStep;
    const T* first = x + int64_t{image} * inHeight * inWidth * channels + part.group * groupIn;
    return {*this, part, first, column, stepAt(part, row < part.rows, k)};
  }
  DEVICE WeightCursor<T, Windows, along> right(const Part& part, int column, int k) const {
    const T* first = w + part.group * weight.group + column * weight.out;
    return {*this, part, first, columns - column, stepAt(part, column < columns, k)};
  }
  DEVICE int64_t place(const Part& part, int row) const {
    const int image = row / part.perImage, column = part.phase + row % part.perImage * phases;
    return (int64_t{image} * height + part.line) * width + column;
  }

 private:
  static int number(int64_t x) { return static_cast<int>(x); }
  // A pixel or an output that is not there is past its last tap.
  DEVICE Step stepAt(const Part& part, bool there, int k) const {
    Step step{there ? 0 : part.down.count, 0, 0};
    advance(part, step, k);
    return step;
  }
};

}  // namespace
}  // namespace lowbit
