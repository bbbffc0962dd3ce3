// A sweep with one channel a group: y[.., c] = bias[c] + Σ x[.., c]·w[tap][c], vectors along the channels.
// Small windows go along lines (depthwiseLines.h). Of others a tile is up to kPixels pixels of one row by one vector of channels, so that
// a weight is loaded once for all of them; loads are the limit.
#pragma once
#include "../../core/arithmetic.h"
#include "../../core/scratch.h"
#include "../../cpu/pool.h"
#include "depthwiseLines.h"
#include "sweep.h"

namespace lowbit {
namespace {

constexpr int kPixels = 8;
constexpr float kZeros[kWidth] = {};
constexpr int64_t kDepthwiseGrain = 1 << 18;  // multiply-adds worth a thread: about 7 us
constexpr int64_t kBlockFloats = 1 << 16;     // of x under a block of rows: 256 KB, in the second-level cache

// Neighbouring pixels of a row, all channels.
struct Strip {
  const float* x;
  int64_t origin, xStep, rowStep, tapStep;  // tap (0, 0) of the first pixel is x[origin]; it may be in the padding
  Inside rows;
  Window columns;
  int64_t column;        // of tap 0 of the first pixel
  const float* weights;  // [1 + kh·kw][weightStep]: the bias, then the taps
  int64_t weightStep, channels;
  const float* start;  // the sums of pixel m begin as start + m·startStep
  int64_t startStep;
  float* y;
  int64_t yStep;
  Finish<float> finish;  // row m is pixel m
};

// Edge: some pixel has a tap in a column that is not there, where x is 0.
template <int P, bool Edge> __attribute__((noinline)) void runStrip(const Strip& strip) {
  const Vector low = repeat(strip.finish.low), high = repeat(strip.finish.high);
  for (int64_t c = 0; c < strip.channels; c += kWidth) {
    Vector sums[P];
    each<P>([&](auto m) { sums[m] = load(strip.start + m * strip.startStep + c); });
    for (int64_t r = strip.rows.first; r < strip.rows.end; r++) {
      for (int64_t s = 0; s < strip.columns.kernel; s++) {
        const int64_t at = strip.origin + r * strip.rowStep + s * strip.tapStep + c, column = strip.column + s * strip.columns.dilation;
        const Vector w = load(strip.weights + (1 + r * strip.columns.kernel + s) * strip.weightStep + c);
        each<P>([&](auto m) {
          const uint64_t own = static_cast<uint64_t>(column + m * strip.columns.stride);
          const bool inside = !Edge || own < static_cast<uint64_t>(strip.columns.input);
          sums[m] = multiplyAdd(load(inside ? strip.x + (at + m * strip.xStep) : kZeros), w, sums[m]);
        });
      }
    }
    const Lanes lanes(strip.channels - c);
    if (strip.finish.plus) each<P>([&](auto m) { sums[m] = add(sums[m], lanes.load(strip.finish.plus + m * strip.finish.step + c)); });
    each<P>([&](auto m) { lanes.store(strip.y + m * strip.yStep + c, clipped(sums[m], low, high)); });
  }
}

template <int P = kPixels> INLINE void runStripOf(int64_t pixels, bool edge, const Strip& strip) {
  if (pixels == P && edge) runStrip<P, true>(strip);
  else if (pixels == P) runStrip<P, false>(strip);
  else if constexpr (P > 1) runStripOf<P - 1>(pixels, edge, strip);
}

// One row of y. Loads may run past the last channel, stores may not.
static void depthwiseRow(const Sweep& p, const float* weights, int64_t weightStep, int64_t n, int64_t i) {
  const int64_t row = (n * p.rows.input + p.rows.start(i)) * p.columns.input;
  const Tiles strips(p.width, kPixels);
  for (int64_t t = 0; t < strips.count; t++) {
    const int64_t j = strips.first(t), pixels = strips.rows(t), column = p.columns.start(j);
    const int64_t last = p.columns.start(j + pixels - 1) + (p.columns.kernel - 1) * p.columns.dilation;
    const int64_t y = n * p.yImage + i * p.yRow + j * p.yPixel;
    const Strip strip{p.x,
                      (row + column) * p.channels,
                      p.columns.stride * p.channels,
                      p.rows.dilation * p.columns.input * p.channels,
                      p.columns.dilation * p.channels,
                      p.rows.taps(i),
                      p.columns,
                      column,
                      weights,
                      weightStep,
                      p.channels,
                      p.plus ? p.plus + y : weights,
                      p.plus ? p.yPixel : 0,
                      p.y + y,
                      p.yPixel,
                      p.finish.from((n * p.height + i) * p.width + j, 0)};
    runStripOf(pixels, column < 0 || last >= p.columns.input, strip);
  }
}

INLINE bool isLine(const Sweep& p) {
  const Window& w = p.columns;
  return w.kernel == 3 && w.dilation == 1 && w.stride <= 2 && p.rows.kernel <= 3;
}

// Channels from c on of one row of y.
static void depthwiseLine(const Sweep& p, const float* weights, int64_t weightStep, int64_t n, int64_t i, int64_t c, const float* ahead) {
  const Inside rows = p.rows.taps(i);
  const int64_t row = n * p.rows.input + p.rows.start(i) + rows.first * p.rows.dilation, y = n * p.yImage + i * p.yRow + c;
  Line line;
  line.x = p.x + row * p.columns.input * p.channels + c;
  line.rowStep = p.rows.dilation * p.columns.input * p.channels;
  line.columnStep = p.channels;
  line.columns = p.columns.input;
  line.firstColumn = p.columns.start(0);
  line.weights = weights + (1 + rows.first * 3) * weightStep + c;
  line.weightStep = weightStep;
  line.start = p.plus ? p.plus + y : weights + c;
  line.startStep = p.plus ? p.yPixel : 0;
  line.y = p.y + y;
  line.yStep = p.yPixel;
  line.pixels = p.width;
  line.channels = p.channels - c;
  line.finish = p.finish.from((n * p.height + i) * p.width, c);
  line.ahead = ahead;
  if (p.columns.stride == 1) runLineOf<1>(rows.end - rows.first, line);
  else runLineOf<2>(rows.end - rows.first, line);
}

// Rows [first, end) of y. A vector of channels goes down a block of rows before the next one does: what a window shares with the one
// below is then still in the first-level cache. That jumps through memory, so meanwhile the rows of the next block are fetched in order.
static void depthwiseLines(const Sweep& p, const float* weights, int64_t weightStep, int64_t first, int64_t end) {
  const int64_t rows = 1 + kBlockFloats / (p.rows.stride * p.columns.input * p.channels + 1);
  for (int64_t last; first < end; first = last) {
    last = smaller(first + rows, end);
    const int64_t nextRow = last / p.height * p.rows.input + last % p.height * p.rows.stride;
    const float* ahead = p.x + nextRow * p.columns.input * p.channels;
    for (int64_t c = 0; c < p.channels; c += kWidth)
      for (int64_t at = first; at < last; at++, ahead += p.columns.input * kWidth * p.rows.stride)
        depthwiseLine(p, weights, weightStep, at / p.height, at % p.height, c, ahead);
  }
}

// [1 + kh·kw][step]: the bias, then the taps, zeros behind the last channel.
static void packDepthwise(const Sweep& p, int64_t step, int64_t taps, float* weights) {
  for (int64_t c = 0; c < step; c++) weights[c] = p.bias && c < p.channels ? p.bias[c] : 0;
  for (int64_t tap = 0; tap < taps; tap++) {
    const int64_t r = p.rowTaps.first + tap / p.columns.kernel * p.rowTaps.step;
    const int64_t s = p.columnTaps.first + tap % p.columns.kernel * p.columnTaps.step;
    for (int64_t c = 0; c < step; c++)
      weights[(1 + tap) * step + c] = c < p.channels ? p.w[c * p.weight.group + r * p.weightColumns + s] : 0;
  }
}

static bool depthwise(const Sweep& p) {
  const int64_t step = (p.channels + kWidth - 1) / kWidth * kWidth, taps = p.rows.kernel * p.columns.kernel;
  const int64_t bytes = (1 + taps) * step * int64_t{sizeof(float)};
  const Derived packed(p.kept, bytes, p.kept ? nullptr : scratch(static_cast<size_t>(bytes)));
  if (!packed.memory) return false;
  float* weights = reinterpret_cast<float*>(packed.memory);
  if (!packed.filled) packDepthwise(p, step, taps, weights);
  parallel(p.batch * p.height, 1 + kDepthwiseGrain / (p.width * step * taps + 1), [&](int64_t begin, int64_t end) {
    if (isLine(p)) depthwiseLines(p, weights, step, begin, end);
    else
      for (int64_t at = begin; at < end; at++) depthwiseRow(p, weights, step, at / p.height, at % p.height);
  });
  packed.done();
  return true;
}

}  // namespace
}  // namespace lowbit
