// Convolutions as products of matrices for graphics cards: rows are pixels, columns outputs, steps the taps and channels that meet. There
// is no im2col: a cursor walks over the window of its pixel.
//
// A part is one group, one line of y and one remainder of its columns by the stride (of a convolution that runs backwards; else there is
// one), in all images: all its pixels then skip the same taps, and outputs.h is followed to the byte.
#pragma once
#include "../../cuda/product.cuh"
#include "conv.h"

namespace lowbit {
namespace {

// The taps that meet x along one axis: `tap`, tap + tapStep, .. lie on `at`, at + atStep, ..
struct Taps {
  int count = 0, tap = 0, tapStep = 0, at = 0, atStep = 0;

  // Of line i of y. Backwards, taps descend, so that what is read ascends, and those between pixels are left out.
  DEVICE Taps(const Window& w, bool backwards, int i, bool insideOnly) {
    const int kernel = static_cast<int>(w.kernel), stride = static_cast<int>(w.stride), dilation = static_cast<int>(w.dilation);
    for (int t = 0; t < kernel; t++) {
      const int pick = backwards ? kernel - 1 - t : t;
      int line = backwards ? i + static_cast<int>(w.pad) - pick * dilation : i * stride - static_cast<int>(w.pad) + pick * dilation;
      if (backwards && stride > 1) {
        if (line % stride) continue;
        line /= stride;
      }
      if (insideOnly && (line < 0 || line >= w.input)) continue;
      if (count == 0) tap = pick, at = line;
      if (count == 1) tapStep = pick - tap, atStep = line - at;
      count++;
    }
  }
};

// Where a sum over taps and channels is, channels first.
struct Step {
  int row = 0, column = 0, channel = 0;

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

// Part is Windows::Part; weights lie along their steps where channels are their last axis.
template <class T, class Part> struct PixelCursor {
  static constexpr bool alongSteps = true;
  const Part& part;
  const T* image;  // the first channel of the group
  int column;      // of tap 0
  Step step;

  DEVICE T element(const Step& at) const {
    const int x = column + at.column * part.across.atStep;
    const bool inside = at.row < part.down.count && x >= 0 && x < part.of.inWidth;
    return inside ? image[index(at, x)] : T(0);
  }
  DEVICE int index(const Step& at, int x) const {
    return ((part.down.at + at.row * part.down.atStep) * part.of.inWidth + x) * part.of.channels + at.channel;
  }
  DEVICE T value() const { return element(step); }
  DEVICE void load(T (&quad)[4]) const {
    const int x = column + step.column * part.across.atStep;
    if (part.of.pixelQuads && step.row < part.down.count && x >= 0 && x < part.of.inWidth) return copyQuad(quad, image + index(step, x));
    Step at = step;
#pragma unroll
    for (int e = 0; e < 4; e++) {
      quad[e] = part.of.pixelQuads ? T(0) : element(at);
      if (!part.of.pixelQuads) part.advance(at, 1);
    }
  }
  DEVICE void advance(int by) { part.advance(step, by); }
};

template <class T, class Part, bool along> struct WeightCursor {
  static constexpr bool alongSteps = along;
  const Part& part;
  const T* weights;  // of the group and the output
  int outputs;       // from here on
  Step step;

  DEVICE int index(const Step& at) const {
    const int row = part.down.tap + at.row * part.down.tapStep, column = part.across.tap + at.column * part.across.tapStep;
    return (row * part.of.kernelWidth + column) * part.of.weight.tap + at.channel * part.of.weight.in;
  }
  DEVICE bool there(const Step& at) const { return at.row < part.down.count && outputs > 0; }
  DEVICE T value() const { return weights[index(step)]; }
  DEVICE void load(T (&quad)[4]) const {
    if (part.of.weightQuads && there(step)) return copyQuad(quad, weights + index(step));
    Step at = step;
#pragma unroll
    for (int e = 0; e < 4; e++) {
      if constexpr (along) {
        quad[e] = !part.of.weightQuads && there(at) ? weights[index(at)] : T(0);
        if (!part.of.weightQuads) part.advance(at, 1);
      } else {
        quad[e] = there(at) && e < outputs ? weights[index(at) + e] : T(0);
      }
    }
  }
  DEVICE void advance(int by) { part.advance(step, by); }
};

template <class T, bool along> struct Windows {
  Window windowRows, windowColumns;
  struct {
    int group, out, tap, in;
  } weight;
  int batch, height, width, channels, groupIn, groupOut, inHeight, inWidth, kernelWidth, phases;
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

  struct Part {
    const Windows& of;
    int group, line, phase;
    Taps down, across;
    int perImage, rows, columns, steps, firstColumn;

    DEVICE Part(const Windows& of, int i)
        : of(of),
          group(i / of.phases / of.height),
          line(i / of.phases % of.height),
          phase(i % of.phases),
          down(of.windowRows, of.backwards, line, true),
          across(of.windowColumns, of.backwards, phase, false),
          perImage((of.width - phase + of.phases - 1) / of.phases),
          rows(of.batch * perImage),
          columns(of.groupOut),
          steps(down.count * across.count * of.groupIn),
          firstColumn(group * of.groupOut) {}

    DEVICE void advance(Step& step, int by) const { step.advance(by, down.count, across.count, of.groupIn); }
    // A line that is not there is past its last tap.
    DEVICE Step stepAt(bool there, int k) const {
      Step step;
      step.row = there ? 0 : down.count;
      advance(step, k);
      return step;
    }
    DEVICE PixelCursor<T, Part> left(int row, int k) const {
      const int image = row / perImage, column = across.at + row % perImage * (of.backwards ? 1 : static_cast<int>(of.windowColumns.stride));
      const T* first = of.x + int64_t{image} * of.inHeight * of.inWidth * of.channels + group * of.groupIn;
      return {*this, first, column, stepAt(row < rows, k)};
    }
    DEVICE WeightCursor<T, Part, along> right(int column, int k) const {
      return {*this, of.w + group * of.weight.group + column * of.weight.out, columns - column, stepAt(column < columns, k)};
    }
    DEVICE int64_t place(int row) const {
      const int image = row / perImage, column = phase + row % perImage * of.phases;
      return (int64_t{image} * of.height + line) * of.width + column;
    }
  };
  DEVICE Part part(int64_t i) const { return Part(*this, static_cast<int>(i)); }

 private:
  static int number(int64_t x) { return static_cast<int>(x); }
};

}  // namespace
}  // namespace lowbit
