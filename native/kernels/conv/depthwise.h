// conv2d with one channel a group: y[.., c] = bias[c] + Σ x[.., c]·w[tap][c], vectors along the channels.
// A tile is up to kPixels pixels of one row by one vector of channels, so that a weight is loaded once for all of them; loads are the
// limit.
#pragma once
#include "../../core/scratch.h"
#include "../../core/unroll.h"
#include "../../cpu/pool.h"
#include "../gemm/vector.h"
#include "conv2d.h"

namespace lowbit {
namespace {

constexpr int kPixels = 8;
constexpr int64_t kDepthwiseGrain = 1 << 16;  // multiply-adds worth a thread

// Pixels that have the same taps [rows) x [columns).
struct Strip {
  const float* x;  // tap (0, 0) of the first pixel is x[origin]; it may be in the padding
  int64_t origin, xStep, rowStep, tapStep;
  Inside rows, columns;
  const float *weights, *bias;  // weights: [kh][kw][weightStep]
  int64_t kernelWidth, weightStep;
  float* y;
  int64_t yStep;
  Lanes lanes;
};

template <int P> INLINE void runStrip(const Strip& strip) {
  Vector sums[P];
  each<P>([&](auto m) { sums[m] = load(strip.bias); });
  for (int64_t r = strip.rows.first; r < strip.rows.end; r++) {
    for (int64_t s = strip.columns.first; s < strip.columns.end; s++) {
      const float* x = strip.x + (strip.origin + r * strip.rowStep + s * strip.tapStep);
      const Vector w = load(strip.weights + (r * strip.kernelWidth + s) * strip.weightStep);
      each<P>([&](auto m) { sums[m] = multiplyAdd(load(x + m * strip.xStep), w, sums[m]); });
    }
  }
  each<P>([&](auto m) { strip.lanes.store(strip.y + m * strip.yStep, sums[m]); });
}

template <int P = kPixels> INLINE void runStripOf(int64_t pixels, const Strip& strip) {
  if (pixels == P) runStrip<P>(strip);
  else if constexpr (P > 1) runStripOf<P - 1>(pixels, strip);
}

// One row of y by one vector of channels. Loads may run past the last channel, stores may not.
static void depthwiseRow(const Conv& p, const float* weights, int64_t weightStep, int64_t n, int64_t i, int64_t channel) {
  const int64_t row = (n * p.rows.input + p.rows.start(i)) * p.columns.input;
  for (int64_t j = 0, next; j < p.width; j = next) {
    const Inside columns = p.columns.taps(j);
    for (next = j + 1; next < p.width && next - j < kPixels && p.columns.taps(next) == columns;) next++;
    runStripOf(next - j, {p.x, (row + p.columns.start(j)) * p.channels + channel, p.columns.stride * p.channels,
                          p.rows.dilation * p.columns.input * p.channels, p.columns.dilation * p.channels, p.rows.taps(i), columns,
                          weights + channel, p.bias + channel, p.columns.kernel, weightStep,
                          p.y + ((n * p.height + i) * p.width + j) * p.out + channel, p.out, Lanes(p.channels - channel)});
  }
}

static void depthwise(const Conv& p) {
  const int64_t vectors = (p.channels + kWidth - 1) / kWidth, step = vectors * kWidth, taps = p.rows.kernel * p.columns.kernel;
  float* weights = static_cast<float*>(scratch(static_cast<size_t>(taps * step) * sizeof(float)));
  for (int64_t tap = 0; tap < taps; tap++)
    for (int64_t c = 0; c < step; c++) weights[tap * step + c] = c < p.channels ? p.w[c * taps + tap] : 0;

  parallel(p.batch * p.height, 1 + kDepthwiseGrain / (p.width * step * taps + 1), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++)
      for (int64_t v = 0; v < vectors; v++) depthwiseRow(p, weights, step, at / p.height, at % p.height, v * kWidth);
  });
}

}  // namespace
}  // namespace lowbit
