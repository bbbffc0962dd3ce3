// A sweep with one channel a group: y[.., c] = bias[c] + Σ x[.., c]·w[tap][c], vectors along the channels.
// A tile is up to kPixels pixels of one row by one vector of channels, so that a weight is loaded once for all of them. Of a small window
// without dilation each column of x is loaded once too and meets all pixels whose window it is in; of others once for each tap.
#pragma once
#include "../../core/scratch.h"
#include "../../cpu/f32/tile.h"
#include "../../cpu/pool.h"
#include "sweep.h"

namespace lowbit {
namespace {

constexpr int kPixels = 8;
constexpr float kZeros[kWidth] = {};
constexpr int64_t kDepthwiseGrain = 1 << 18;  // multiply-adds worth a thread: about 7 us

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

// The taps of one row of the window, x at its first column and `channels` floats from one column to the next.
template <int P, int K, int S, bool Edge>
INLINE void addColumns(const Strip& strip, const float* x, const float* weights, Vector (&sums)[P]) {
  Vector w[K];
  each<K>([&](auto s) { w[s] = load(weights + s * strip.weightStep); });
  each<(P - 1) * S + K>([&](auto column) {
    const bool inside = !Edge || static_cast<uint64_t>(strip.column + column) < static_cast<uint64_t>(strip.columns.input);
    const Vector own = load(inside ? x + column * strip.tapStep : kZeros);
    each<K>([&](auto s) {
      constexpr int way = decltype(column){} - decltype(s){};
      if constexpr (way >= 0 && way % S == 0 && way / S < P) sums[way / S] = multiplyAdd(own, w[s], sums[way / S]);
    });
  });
}

// The same for any window.
template <int P, bool Edge> INLINE void addTaps(const Strip& strip, const float* x, const float* weights, Vector (&sums)[P]) {
  for (int64_t s = 0; s < strip.columns.kernel; s++) {
    const int64_t column = strip.column + s * strip.columns.dilation;
    const Vector w = load(weights + s * strip.weightStep);
    each<P>([&](auto m) {
      const uint64_t own = static_cast<uint64_t>(column + m * strip.columns.stride);
      const bool inside = !Edge || own < static_cast<uint64_t>(strip.columns.input);
      sums[m] = multiplyAdd(load(inside ? x + (s * strip.tapStep + m * strip.xStep) : kZeros), w, sums[m]);
    });
  }
}

// K columns and stride S, or any window where K is 0. Edge: some pixel has a tap in a column that is not there, where x is 0.
template <int P, int K, int S, bool Edge> __attribute__((noinline)) void runStrip(const Strip& strip) {
  const bool clips = strip.finish.clips();
  const Vector low = repeat(strip.finish.low), high = repeat(strip.finish.high);
  for (int64_t c = 0; c < strip.channels; c += kWidth) {
    Vector sums[P];
    each<P>([&](auto m) { sums[m] = load(strip.start + m * strip.startStep + c); });
    for (int64_t r = strip.rows.first; r < strip.rows.end; r++) {
      const float* x = strip.x + (strip.origin + r * strip.rowStep + c);
      const float* weights = strip.weights + (1 + r * strip.columns.kernel) * strip.weightStep + c;
      if constexpr (K) addColumns<P, K, S, Edge>(strip, x, weights, sums);
      else addTaps<P, Edge>(strip, x, weights, sums);
    }
    const Lanes lanes(strip.channels - c);
    if (strip.finish.plus) each<P>([&](auto m) { sums[m] = add(sums[m], lanes.load(strip.finish.plus + m * strip.finish.step + c)); });
    if (clips) each<P>([&](auto m) { sums[m] = clipped(sums[m], low, high); });
    each<P>([&](auto m) { lanes.store(strip.y + m * strip.yStep + c, sums[m]); });
  }
}

template <int K, int S, int P = kPixels> INLINE void runStripOf(int64_t pixels, bool edge, const Strip& strip) {
  if (pixels == P && edge) runStrip<P, K, S, true>(strip);
  else if (pixels == P) runStrip<P, K, S, false>(strip);
  else if constexpr (P > 1) runStripOf<K, S, P - 1>(pixels, edge, strip);
}

INLINE void runAnyStrip(int64_t pixels, bool edge, const Strip& strip) {
  const Window& w = strip.columns;
  if (w.kernel == 3 && w.dilation == 1 && w.stride == 1) runStripOf<3, 1>(pixels, edge, strip);
  else if (w.kernel == 3 && w.dilation == 1 && w.stride == 2) runStripOf<3, 2>(pixels, edge, strip);
  else runStripOf<0, 0>(pixels, edge, strip);
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
    runAnyStrip(pixels, column < 0 || last >= p.columns.input, strip);
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
    for (int64_t at = begin; at < end; at++) depthwiseRow(p, weights, step, at / p.height, at % p.height);
  });
  packed.done();
  return true;
}

}  // namespace
}  // namespace lowbit
