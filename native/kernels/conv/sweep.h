// A sweep is what one run of a fast kernel computes: pixels of y a constant step apart in memory, each the sum of the same taps,
// read through a window over x.
//
// conv2d is one sweep. Of a transposed convolution the pixels of y at one remainder of the strides see every stride-th tap, through a
// window that moves by single pixels of x: so it is stride × stride sweeps, each an ordinary convolution of stride 1 with some of the
// taps, last tap first.
#pragma once
#include "../../core/finish.h"
#include "../../cpu/f32/packLevels.h"
#include "conv.h"

namespace lowbit {
namespace {

// The taps of one axis in the order in which they are added: first, first + step, ...
struct Taps {
  int64_t first, step;
};

struct Sweep : Conv {  // height, width and windows are those of the sweep
  Taps rowTaps, columnTaps;
  int64_t weightColumns;  // taps in a row of the weights
  const float *x, *w;
  const PackedRows* packed;  // what to read instead of w
  Kept* kept;                // of the call, if it is one sweep
  const float *bias, *plus;  // where sums begin, if not at 0: one number an output, or what lies there as in y
  float* y;
  int64_t yImage, yRow, yPixel;  // floats from one image, row, pixel of the sweep to the next
  Finish<float> finish;          // row m is pixel m of y; only where the sweep is all of y

  INLINE Sweep(const Conv& conv, const View& image, const View& weights, const View* start, const View* sum, const View& result)
      : Conv(conv),
        rowTaps{0, 1},
        columnTaps{0, 1},
        weightColumns(columns.kernel),
        x(image.as<float>()),
        w(weights.as<float>()),
        packed(nullptr),
        kept(nullptr),
        bias(start ? start->as<float>() : nullptr),
        plus(sum && sum->size() ? sum->as<float>() : nullptr),
        y(result.as<float>()),
        yImage(height * width * out),
        yRow(width * out),
        yPixel(out),
        finish{} {}

  INLINE bool isDepthwise() const { return groups > 1 && groupIn == 1 && groupOut == 1; }
};

// A 1x1 convolution sees no rows: all pixels become one row.
INLINE Sweep flattened(Sweep p) {
  const auto plain = [](const Window& w) { return w.kernel == 1 && w.stride == 1 && w.pad == 0; };
  if (!plain(p.rows) || !plain(p.columns) || p.height != p.rows.input || p.width != p.columns.input) return p;
  if (p.yRow != p.width * p.yPixel || p.yImage != p.height * p.yRow) return p;
  p.width = p.columns.input = p.batch * p.height * p.width;
  p.batch = p.height = p.rows.input = 1;
  return p;
}

// One axis of the sweep over the pixels remainder, remainder + stride, ... of `size`.
struct Phase {
  Window window;
  Taps taps;
  int64_t size;

  INLINE Phase(const Window& of, int64_t total, int64_t remainder) : window(of), size((total - remainder + of.stride - 1) / of.stride) {
    int64_t common = of.stride;  // the greatest common divisor of stride and dilation
    for (int64_t b = of.dilation; b;) {
      const int64_t rest = common % b;
      common = b;
      b = rest;
    }
    const int64_t step = of.stride / common;
    const auto landsOn = [&](int64_t tap) { return remainder + of.pad - tap * of.dilation; };
    int64_t first = 0;
    while (first < step && first < of.kernel && landsOn(first) % of.stride) first++;
    window.kernel = first < step && first < of.kernel ? (of.kernel - first + step - 1) / step : 0;
    taps = {first + (window.kernel - 1) * step, -step};
    window.stride = 1;
    window.dilation = of.dilation / common;
    window.pad = window.kernel ? -(landsOn(taps.first) / of.stride) : 0;
  }
};

// run(sweep) for every remainder of the strides.
template <class Run> INLINE bool eachPhase(const Sweep& all, Run run) {
  for (int64_t i = 0; i < all.rows.stride && i < all.height; i++) {
    for (int64_t j = 0; j < all.columns.stride && j < all.width; j++) {
      const Phase rows(all.rows, all.height, i), columns(all.columns, all.width, j);
      Sweep p = all;
      p.rows = rows.window;
      p.columns = columns.window;
      p.rowTaps = rows.taps;
      p.columnTaps = columns.taps;
      p.height = rows.size;
      p.width = columns.size;
      p.y += i * all.yRow + j * all.yPixel;
      if (p.plus) p.plus += i * all.yRow + j * all.yPixel;
      p.yRow *= all.rows.stride;
      p.yPixel *= all.columns.stride;
      if (!run(p)) return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace lowbit
