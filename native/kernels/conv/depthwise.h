// A sweep with one channel a group: y[.., c] = bias[c] + Σ x[.., c]·w[tap][c], vectors along the channels.
// A tile is up to kPixels pixels of one row by one vector of channels, so that a weight is loaded once for all of them; loads are the
// limit.
#pragma once
#include "../../core/scratch.h"
#include "../../core/unroll.h"
#include "../../cpu/f32/vector.h"
#include "../../cpu/pool.h"
#include "sweep.h"

namespace lowbit {
namespace {

constexpr int kPixels = 8;
constexpr int64_t kDepthwiseGrain = 1 << 18;  // multiply-adds worth a thread: about 7 us

// Pixels that have the same taps [rows) x [columns) in x, all channels; in other columns x is 0.
struct Strip {
  const float* x;
  int64_t origin, xStep, rowStep, tapStep;  // tap (0, 0) of the first pixel is x[origin]; it may be in the padding
  Inside rows, columns;
  const float* weights;  // [1 + kh·kw][weightStep]: the bias, then the taps
  int64_t kernelWidth, weightStep, channels;
  float* y;
  int64_t yStep;
};

template <int P> __attribute__((noinline)) void runStrip(const Strip& strip) {
  for (int64_t c = 0; c < strip.channels; c += kWidth) {
    Vector sums[P];
    each<P>([&](auto m) { sums[m] = load(strip.weights + c); });
    for (int64_t r = strip.rows.first; r < strip.rows.end; r++) {
      for (int64_t s = 0; s < strip.kernelWidth; s++) {
        const Vector w = load(strip.weights + (1 + r * strip.kernelWidth + s) * strip.weightStep + c);
        if (s >= strip.columns.first && s < strip.columns.end) {
          const float* x = strip.x + (strip.origin + r * strip.rowStep + s * strip.tapStep + c);
          each<P>([&](auto m) { sums[m] = multiplyAdd(load(x + m * strip.xStep), w, sums[m]); });
        } else {
          each<P>([&](auto m) { sums[m] = multiplyAdd(repeat(0), w, sums[m]); });
        }
      }
    }
    const Lanes lanes(strip.channels - c);
    each<P>([&](auto m) { lanes.store(strip.y + m * strip.yStep + c, sums[m]); });
  }
}

template <int P = kPixels> INLINE void runStripOf(int64_t pixels, const Strip& strip) {
  if (pixels == P) runStrip<P>(strip);
  else if constexpr (P > 1) runStripOf<P - 1>(pixels, strip);
}

// One row of y. Loads may run past the last channel, stores may not.
static void depthwiseRow(const Sweep& p, const float* weights, int64_t weightStep, int64_t n, int64_t i) {
  const int64_t row = (n * p.rows.input + p.rows.start(i)) * p.columns.input;
  for (int64_t j = 0, next; j < p.width; j = next) {
    const Inside columns = p.columns.taps(j);
    for (next = j + 1; next < p.width && next - j < kPixels && p.columns.taps(next) == columns;) next++;
    const Strip strip{p.x,
                      (row + p.columns.start(j)) * p.channels,
                      p.columns.stride * p.channels,
                      p.rows.dilation * p.columns.input * p.channels,
                      p.columns.dilation * p.channels,
                      p.rows.taps(i),
                      columns,
                      weights,
                      p.columns.kernel,
                      weightStep,
                      p.channels,
                      p.y + (n * p.yImage + i * p.yRow + j * p.yPixel),
                      p.yPixel};
    runStripOf(next - j, strip);
  }
}

static void depthwise(const Sweep& p) {
  const int64_t step = (p.channels + kWidth - 1) / kWidth * kWidth, taps = p.rows.kernel * p.columns.kernel;
  float* weights = static_cast<float*>(scratch(static_cast<size_t>((1 + taps) * step) * sizeof(float)));
  for (int64_t c = 0; c < step; c++) weights[c] = p.bias && c < p.channels ? p.bias[c] : 0;
  for (int64_t tap = 0; tap < taps; tap++) {
    const int64_t r = p.rowTaps.first + tap / p.columns.kernel * p.rowTaps.step;
    const int64_t s = p.columnTaps.first + tap % p.columns.kernel * p.columnTaps.step;
    for (int64_t c = 0; c < step; c++)
      weights[(1 + tap) * step + c] = c < p.channels ? p.w[c * p.weight.group + r * p.weightColumns + s] : 0;
  }

  parallel(p.batch * p.height, 1 + kDepthwiseGrain / (p.width * step * taps + 1), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) depthwiseRow(p, weights, step, at / p.height, at % p.height);
  });
}

}  // namespace
}  // namespace lowbit
